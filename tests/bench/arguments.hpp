#pragma once
// The arguments of a measuring program: `--name value` pairs. Secrets come from the environment.
#include <cstdlib>
#include <map>
#include <string>

namespace gatehouse::bench {

class arguments {
  public:
    arguments(int argc, char** argv) {
        for (int i = 1; i + 1 < argc; i += 2) values_[argv[i]] = argv[i + 1];
    }
    std::string text(std::string const& name, std::string const& otherwise = "") const {
        auto const found = values_.find("--" + name);
        return found == values_.end() ? otherwise : found->second;
    }
    int number(std::string const& name, int otherwise) const {
        auto const given = text(name);
        return given.empty() ? otherwise : std::stoi(given);
    }
    static std::string secret(char const* name) {
        char const* const value = std::getenv(name);
        return value == nullptr ? "" : value;
    }

  private:
    std::map<std::string, std::string> values_;
};

} // namespace gatehouse::bench
