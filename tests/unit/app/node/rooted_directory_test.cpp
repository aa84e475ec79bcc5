#include "app/node/rooted_directory.hpp"

#include "tests/support/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

namespace gatehouse::app::node {
namespace {

namespace fs = std::filesystem;

class rooted_directory_test : public ::testing::Test {
  protected:
    rooted_directory_test() {
        fs::create_directories(outside / "root/sub");
        outside.write("secret", "secret");
        outside.write("root/hello.txt", "hello");
        fs::create_symlink(outside / "secret", outside / "root/absolute_link");
        fs::create_symlink("../secret", outside / "root/relative_link");
        fs::create_symlink("..", outside / "root/parent_link");
        fs::create_symlink("sub", outside / "root/inner_link");
        fs::create_symlink("/", outside / "root/sub/slash_link");
        ::mkfifo((outside / "root/pipe").c_str(), 0600);
        root.emplace((outside / "root").string());
    }

    testing::temporary_directory outside;
    std::optional<rooted_directory> root;
};

TEST_F(rooted_directory_test, nothing_leads_out) {
    for (std::string const path :
         {"../secret", "/etc/passwd", "sub/../../secret", "absolute_link", "relative_link",
          "parent_link/secret", "sub/slash_link/etc/passwd", "./../secret", "inner_link/../../secret", "..",
          "/"}) {
        auto const read = root->read(path, 0, 100);
        ASSERT_FALSE(read) << path;
        EXPECT_EQ(read.error().code, errc::capability_failed);
        EXPECT_FALSE(root->list(path, 100)) << path;
        EXPECT_FALSE(root->open_directory(path)) << path;
        // A link may be replaced, since it is in the directory; what it points to is left alone.
        if (!path.ends_with("_link")) EXPECT_FALSE(root->replace(path, "x")) << path;
    }
    EXPECT_EQ(outside.read("secret"), "secret");
}

TEST_F(rooted_directory_test, an_escape_is_named_as_one) {
    auto const read = root->read("../secret", 0, 100);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().details.at("reason"), "outside");
}

TEST_F(rooted_directory_test, paths_no_file_can_have_are_refused) {
    for (std::string const& path :
         {std::string(), std::string("hello.txt\0x", 11), std::string(5000, 'x'), std::string("hello.txt/x")
         }) {
        EXPECT_FALSE(root->read(path, 0, 100)) << path;
        EXPECT_FALSE(root->replace(path, "x")) << path;
    }
    EXPECT_FALSE(root->replace("sub", "x"));
    EXPECT_FALSE(root->replace("sub/", "x"));
    EXPECT_FALSE(root->replace("missing/file", "x"));
}

TEST_F(rooted_directory_test, a_file_is_read_in_parts) {
    auto const part = root->read("hello.txt", 1, 3);
    ASSERT_TRUE(part);
    EXPECT_EQ(part->bytes, "ell");
    EXPECT_EQ(part->size, 5U);
    EXPECT_EQ(root->read("sub/../hello.txt", 4, 100)->bytes, "o");
    EXPECT_EQ(root->read("hello.txt", 100, 100)->bytes, "");
}

TEST_F(rooted_directory_test, what_is_no_regular_file_is_not_read) {
    EXPECT_FALSE(root->read("pipe", 0, 100));
    EXPECT_FALSE(root->read("sub", 0, 100));
    EXPECT_FALSE(root->read("missing", 0, 100));
}

TEST_F(rooted_directory_test, a_listing_is_sorted_and_knows_what_things_are) {
    auto const all = root->list(".", 100);
    ASSERT_TRUE(all);
    std::string text;
    for (auto const& each : *all) text += each.name + " " + each.type + "\n";
    EXPECT_EQ(
        text, "absolute_link link\nhello.txt file\ninner_link link\nparent_link link\npipe "
              "other\nrelative_link link\nsub directory\n"
    );
    EXPECT_EQ((*all)[1].size, 5U);
    EXPECT_EQ(root->list("inner_link", 100)->size(), 1U);
    EXPECT_EQ(root->list(".", 2)->size(), 2U);
    EXPECT_FALSE(root->list("hello.txt", 100));
}

TEST_F(rooted_directory_test, writing_replaces_the_whole_file_and_leaves_nothing_else) {
    ::chmod((outside / "root/hello.txt").c_str(), 0640);
    ASSERT_TRUE(root->replace("hello.txt", "new"));
    EXPECT_EQ(outside.read("root/hello.txt"), "new");
    EXPECT_EQ(fs::status(outside / "root/hello.txt").permissions(), fs::perms(0640));
    ASSERT_TRUE(root->replace("sub/fresh", std::string("\0\1", 2)));
    EXPECT_EQ(outside.read("root/sub/fresh").size(), 2U);
    ASSERT_TRUE(root->replace("absolute_link", "now a file"));
    EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(outside / "root/absolute_link")));
    EXPECT_EQ(outside.read("secret"), "secret");
    EXPECT_EQ(root->list(".", 100)->size(), 7U);
}

TEST_F(rooted_directory_test, a_root_that_is_missing_is_named) {
    try {
        rooted_directory gone("/no/such/root");
        FAIL();
    } catch (std::runtime_error const& failure) {
        EXPECT_NE(std::string(failure.what()).find("/no/such/root"), std::string::npos);
    }
}

} // namespace
} // namespace gatehouse::app::node
