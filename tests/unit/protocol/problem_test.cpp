#include "protocol/problem.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace gatehouse {
namespace {

TEST(problem, it_says_what_rfc_9457_asks_and_what_json_rpc_would) {
    error const why{errc::approval_required, "\"rm\" waits for a person", {{"approval_id", "app_1"}}};
    EXPECT_EQ(
        boost::json::parse(problem_json(why)),
        (boost::json::value{
            {"type", "urn:gatehouse:error:approval_required"},
            {"title", "A person must approve"},
            {"status", 409},
            {"detail", "\"rm\" waits for a person"},
            {"code", -32011},
            {"data",
             {{"kind", "approval_required"}, {"retryable", false}, {"details", {{"approval_id", "app_1"}}}}},
        })
    );
}

TEST(problem, every_kind_gives_a_whole_document_without_details_where_there_are_none) {
    for (errc const code : errc_values) {
        auto const body = boost::json::parse(problem_json({code, "why"})).as_object();
        EXPECT_EQ(body.at("status").as_int64(), http_status_of(code));
        EXPECT_EQ(body.at("code").as_int64(), static_cast<int>(code));
        EXPECT_FALSE(body.at("data").as_object().contains("details"));
        EXPECT_EQ(body.at("data").at("retryable").as_bool(), is_retryable(code));
    }
}

} // namespace
} // namespace gatehouse
