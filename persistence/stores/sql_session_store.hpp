#pragma once
#include "core/sessions/session_store.hpp"
#include "persistence/sql.hpp"

namespace gatehouse::persistence {

// Sessions and their conversations.
class sql_session_store final : public core::session_store {
  public:
    explicit sql_session_store(sql& on) : sql_(on) {}

    std::optional<core::session> find(std::string const& session_id) const override;
    std::optional<core::session>
    find_by_key(std::string const& principal, std::string const& session_key) const override;
    std::vector<core::session> list(core::session_filter const& filter) const override;
    bool insert_if_new(core::session const& s) override;
    bool lock(std::string const& session_id) override;
    void save(core::session const& s) override;
    void touch(std::string const& session_id, timestamp when) override;
    void remove(std::string const& session_id) override;
    void append_message(core::message m) override;
    std::vector<core::message> messages_of_run(core::run const& r) const override;
    void copy_messages_before(core::run const& r, std::string const& to_session_id) override;
    std::vector<core::message>
    latest_messages(std::string const& session_id, std::int64_t limit) const override;
    std::vector<core::message>
    messages(std::string const& session_id, std::int64_t after_ordinal, std::int64_t limit) const override;

  private:
    sql& sql_;
};

} // namespace gatehouse::persistence
