#include "core/tools/value_schema.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace gatehouse::core {

namespace json = boost::json;

result<void> value_schema::check(json::value const& value, std::string_view what) const {
    if (!compiled_) {
        return fail(
            errc::invalid_params,
            "The schema of the " + std::string(what) + " cannot be used: " + compiled_.error().message
        );
    }
    if (compiled_->is_valid(value)) return {};
    json::array details;
    for (auto const& v : compiled_->explain(value)) {
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
