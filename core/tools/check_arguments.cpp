#include "core/tools/check_arguments.hpp"

#include "protocol/json_schema/schema.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace gatehouse::core {

namespace json = boost::json;

result<void>
check_against_schema(json::value const& schema, json::value const& value, std::string_view what) {
    auto compiled = json_schema::compile(schema);
    if (!compiled) {
        return fail(
            errc::invalid_params,
            "The schema of the " + std::string(what) + " cannot be used: " + compiled.error().message
        );
    }
    if (compiled->is_valid(value)) return {};
    json::array details;
    for (auto const& v : compiled->explain(value)) {
        details.push_back({{"path", v.path}, {"keyword", v.keyword}, {"message", v.message}});
    }
    std::string first = details.empty() ? ""
                                        : std::string(details[0].at("path").as_string()) + " " +
                                              std::string(details[0].at("message").as_string());
    return fail(
        errc::invalid_params, "The " + std::string(what) + " do not fit the schema: " + first + ".",
        std::move(details)
    );
}

} // namespace gatehouse::core
