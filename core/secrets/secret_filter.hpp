#pragma once
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <memory>
#include <string>
#include <vector>

namespace re2 {
class RE2;
} // namespace re2

namespace gatehouse::core {

// Replaces secrets in what came from outside, before it is stored, shown to a model or sent on: the values
// this process knows (providers' keys, the store's password), raw and as hex, base64 and percent encoding,
// and whatever looks like a token of a gateway. Linear in the size of the text. Immutable; any thread.
class secret_filter {
  public:
    // Values of fewer than 8 bytes are not looked for: they stand in too many harmless places.
    explicit secret_filter(std::vector<std::string> const& values = {});
    ~secret_filter();

    // Each is true where something was replaced. Keys of objects are left as they are.
    bool clean(std::string& text) const;
    bool clean(boost::json::value& document) const;
    bool clean(boost::json::object& document) const;
    bool clean(boost::json::array& document) const;

  private:
    std::unique_ptr<re2::RE2 const> secrets_;
};

} // namespace gatehouse::core
