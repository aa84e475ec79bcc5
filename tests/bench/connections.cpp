// Opens COUNT authenticated connections, prints {"open":COUNT}, keeps them idle until stdin ends. Token:
// environment TOKEN.
#include "tests/bench/arguments.hpp"
#include "tests/bench/peer.hpp"

#include <cstdio>
#include <iostream>
#include <memory>

int main(int argc, char** argv) {
    using namespace gatehouse::bench;
    try {
        arguments const given(argc, argv);
        std::vector<std::unique_ptr<peer>> open;
        for (int i = 0; i < given.number("count", 10'000); ++i) {
            open.push_back(std::make_unique<peer>(given.text("address"), arguments::secret("TOKEN")));
            open.back()->connect_as_client();
        }
        std::cout << "{\"open\":" << open.size() << "}" << std::endl;
        std::string line;
        std::getline(std::cin, line);
        return 0;
    } catch (std::exception const& failure) {
        std::fprintf(stderr, "connections: %s\n", failure.what());
        return 1;
    }
}
