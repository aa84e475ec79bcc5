#include "protocol/device_key.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <fstream>

namespace gatehouse {
namespace {

namespace fs = std::filesystem;

struct device_key_file : ::testing::Test {
    device_key_file() {
        std::string pattern = (fs::temp_directory_path() / "gatehouse_key_XXXXXX").string();
        folder = ::mkdtemp(pattern.data());
        file = folder / "device.pem";
    }
    ~device_key_file() override { fs::remove_all(folder); }

    void write(std::string_view text, fs::perms mode = fs::perms::owner_read | fs::perms::owner_write) const {
        std::ofstream(file) << text;
        fs::permissions(file, mode);
    }

    errc refused() const {
        auto const loaded = device_key::load(file);
        EXPECT_FALSE(loaded);
        if (loaded) return errc::internal;
        EXPECT_NE(loaded.error().message.find(file.string()), std::string::npos) << loaded.error().message;
        return loaded.error().code;
    }

    static device_key some_key() {
        std::array<std::byte, 32> seed{};
        seed.fill(std::byte{0x5a});
        return device_key(seed);
    }

    fs::path folder;
    fs::path file;
};

TEST_F(device_key_file, a_saved_key_is_loaded_and_only_its_owner_can_read_it) {
    device_key const key = some_key();
    ASSERT_TRUE(key.save(file));
    EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
    auto const loaded = device_key::load(file);
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->id(), key.id());
    connect_claims const claims{"gw", "node", "id", "nonce", "token"};
    EXPECT_EQ(loaded->sign_connect_proof(claims), key.sign_connect_proof(claims));
}

TEST_F(device_key_file, an_existing_file_is_never_overwritten) {
    write("precious");
    auto const saved = some_key().save(file);
    ASSERT_FALSE(saved);
    EXPECT_EQ(saved.error().code, errc::wrong_state);
    EXPECT_EQ(fs::file_size(file), 8u);
}

TEST_F(device_key_file, a_file_that_cant_be_written_is_named) {
    auto const saved = some_key().save(folder / "missing" / "device.pem");
    ASSERT_FALSE(saved);
    EXPECT_NE(saved.error().message.find("missing/device.pem"), std::string::npos);
}

TEST_F(device_key_file, what_openssl_writes_is_read) {
    write("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
          "-----END PRIVATE KEY-----\n");
    auto const loaded = device_key::load(file);
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->public_key_base64url(), "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
}

TEST_F(device_key_file, what_is_no_key_or_no_secret_is_refused) {
    EXPECT_EQ(refused(), errc::not_found);
    for (std::string const& text :
         {std::string(), std::string("nonsense"), std::string("-----BEGIN PRIVATE KEY-----\n"),
          std::string(1'000'000, '-'),
          // X25519, which signs nothing.
          std::string("-----BEGIN PRIVATE "
                      "KEY-----\nMC4CAQAwBQYDK2VuBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
                      "-----END PRIVATE KEY-----\n")}) {
        write(text);
        EXPECT_EQ(refused(), errc::invalid_params) << text.substr(0, 100);
    }
    ASSERT_TRUE(fs::remove(file));
    ASSERT_TRUE(some_key().save(file));
    fs::permissions(file, fs::perms::group_read, fs::perm_options::add);
    EXPECT_EQ(refused(), errc::forbidden);
    fs::remove(file);
    fs::create_directory(file);
    EXPECT_EQ(refused(), errc::invalid_params);
}

} // namespace
} // namespace gatehouse
