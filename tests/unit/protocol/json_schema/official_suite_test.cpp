// The official JSON Schema test suite, all required cases, as the oracle for the validator.
#include "protocol/json_schema/schema.hpp"

#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::json_schema {

namespace json = boost::json;
namespace fs = std::filesystem;

// A group whose schema is refused at compile time on purpose.
struct refused_group {
    std::string_view file;
    std::string_view description;
    std::string_view reason;
};

// Empty: there is no required case this validator refuses.
static constexpr std::array<refused_group, 0> refused_groups{};

struct tally {
    std::size_t cases = 0;
    std::size_t passed = 0;
    std::size_t refused = 0;
};

static json::value read_json(fs::path const& path) {
    std::ifstream in(path);
    std::string const text{std::istreambuf_iterator<char>(in), {}};
    json::parse_options options;
    options.max_depth = 256;
    return json::parse(text, {}, options);
}

// The suite lies beside the checkout, or beside the folder that holds the worktrees.
static std::optional<fs::path> find_2020_12_suite() {
    static constexpr std::string_view inside = "data/json-schema-test-suite";
    if (char const* shared = std::getenv("GATEHOUSE_SHARED")) {
        if (fs::exists(fs::path(shared) / inside)) return fs::path(shared) / inside;
    }
    for (auto folder = fs::absolute(__FILE__).parent_path(); folder != folder.root_path();
         folder = folder.parent_path()) {
        if (fs::exists(folder / "shared" / inside)) return folder / "shared" / inside;
    }
    return std::nullopt;
}

static void add_remotes(document_set& documents, fs::path const& root) {
    for (auto const& entry : fs::recursive_directory_iterator(root)) {
        if (entry.path().extension() != ".json") continue;
        auto const name = fs::relative(entry.path(), root).generic_string();
        documents.add("http://localhost:1234/" + name, read_json(entry.path()));
    }
}

static bool is_refused(std::string_view file, std::string_view description) {
    return std::ranges::any_of(refused_groups, [&](refused_group const& row) {
        return row.file == file && row.description == description;
    });
}

static void
run_group(std::string const& file, json::object const& group, compile_options const& options, tally& sum) {
    std::string const description(group.at("description").as_string());
    auto const& tests = group.at("tests").as_array();
    sum.cases += tests.size();
    auto const compiled = compile(group.at("schema"), options);
    if (is_refused(file, description)) {
        EXPECT_FALSE(compiled) << file << ": " << description << " is listed as refused, but compiles";
        sum.refused += tests.size();
        return;
    }
    if (!compiled) {
        ADD_FAILURE() << file << ": " << description << ": " << compiled.error().path << " "
                      << compiled.error().message;
        return;
    }
    for (auto const& test : tests) {
        auto const& instance = test.at("data");
        bool const expected = test.at("valid").as_bool();
        bool const answer = compiled->is_valid(instance);
        bool const explained = compiled->explain(instance).empty();
        std::string_view const name = test.at("description").as_string();
        EXPECT_EQ(answer, expected) << file << ": " << description << ": " << name;
        EXPECT_EQ(explained, expected) << file << ": " << description << ": " << name << " (explain)";
        sum.passed += answer == expected && explained == expected ? 1 : 0;
    }
}

static tally run_suite(fs::path const& folder, fs::path const& remotes, dialect language) {
    document_set documents;
    add_remotes(documents, remotes);
    compile_options options;
    options.default_dialect = language;
    options.documents = &documents;
    tally sum;
    std::vector<fs::path> files;
    for (auto const& entry : fs::directory_iterator(folder)) {
        if (entry.path().extension() == ".json") files.push_back(entry.path());
    }
    std::ranges::sort(files);
    for (auto const& path : files) {
        for (auto const& group : read_json(path).as_array()) {
            run_group(path.filename().string(), group.as_object(), options, sum);
        }
    }
    return sum;
}

static void print(std::string_view suite, tally const& sum) {
    std::cout << fmt::format(
        "{}: {} of {} cases pass, {} are refused\n", suite, sum.passed, sum.cases, sum.refused
    );
}

TEST(official_suite, every_required_case_of_draft_2020_12_passes) {
    auto const root = find_2020_12_suite();
    if (!root) {
        std::cout << "draft 2020-12: the official suite is not here (shared/data/json-schema-test-suite); "
                     "this ran without it\n";
        return;
    }
    auto const sum = run_suite(*root / "tests/draft2020-12", *root / "remotes", dialect::draft_2020_12);
    print("draft 2020-12", sum);
    EXPECT_GE(sum.cases, 1299u);
    EXPECT_EQ(sum.passed + sum.refused, sum.cases);
}

TEST(official_suite, every_required_case_of_draft_7_passes) {
    fs::path const root = "/usr/share/json-schema-test-suite";
    if (!fs::exists(root)) {
        std::cout << "draft 7: the official suite is not here (package json-schema-test-suite); this ran "
                     "without it\n";
        return;
    }
    auto const sum = run_suite(root / "tests/draft7", root / "remotes", dialect::draft_7);
    print("draft 7", sum);
    EXPECT_GE(sum.cases, 423u);
    EXPECT_EQ(sum.passed + sum.refused, sum.cases);
}

} // namespace gatehouse::json_schema
