#include "persistence/stores/sql_policy_store.hpp"

#include "persistence/record.hpp"

namespace gatehouse::persistence {
namespace {

using core::policy_document;
using policy_record = record<policy_document, &policy_document::version, &policy_document::rules>;

} // namespace

policy_document sql_policy_store::get() const {
    return *policy_record::find(sql_, "SELECT version, rules FROM policies WHERE id = 1");
}

policy_document sql_policy_store::lock() {
    return *policy_record::find(
        sql_, sql_.either(
                  "SELECT version, rules FROM policies WHERE id = 1",
                  "SELECT version, rules FROM policies WHERE id = 1 FOR UPDATE"
              )
    );
}

void sql_policy_store::save(policy_document const& p) {
    policy_record::exec(sql_, "UPDATE policies SET version = :version, rules = :rules WHERE id = 1", p);
}

} // namespace gatehouse::persistence
