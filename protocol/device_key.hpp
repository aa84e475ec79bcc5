#pragma once
// The secret side of device_proof.hpp: the Ed25519 key that a node keeps in a file. Any thread.
#include "protocol/device_proof.hpp"

#include <array>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace gatehouse {

class device_key {
  public:
    // `seed` is the private key of RFC 8032 and must be random, fit for secrets.
    explicit device_key(std::span<std::byte const, 32> seed);
    device_key(device_key const&) = default;
    device_key& operator=(device_key const&) = default;
    ~device_key(); // wipes the secret

    device_public_key const& public_key() const noexcept { return public_key_; }
    std::string public_key_base64url() const;
    std::string id() const { return device_id_of(public_key_); }

    // base64url of the signature: `proof` of connect.
    std::string sign_connect_proof(connect_claims const& claims) const;

    // PKCS #8 in PEM, as the openssl command reads and writes it. The file is new (an existing one is
    // `wrong_state`) and readable for its owner alone.
    result<void> save(std::filesystem::path const& file) const;

    // `not_found` where there is no such file, `forbidden` where others can read it, `invalid_params` where
    // it holds no Ed25519 key.
    static result<device_key> load(std::filesystem::path const& file);

  private:
    std::array<std::byte, 32> seed_;
    device_public_key public_key_{};
};

} // namespace gatehouse
