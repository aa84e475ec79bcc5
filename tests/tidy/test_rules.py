"""Each rule finds what was planted for it, and nothing in what looks alike."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import tidy  # noqa: E402


def function(lines, head="void f()"):
    return head + " {\n" + "    step();\n" * (lines - 2) + "}\n"


def table(lines):
    return "int f() {\n    static row const rows[] = {\n" + '        {"a", 1},\n' * lines + "    };\n    return rows[0].b;\n}\n"


# rule -> (trees with one violation or more, trees with none)
CASES = {
    tidy.include_direction: (
        [
            {"protocol/a.cpp": '#include "core/b.hpp"\n'},
            {"core/a.hpp": '#include "persistence/b.hpp"\n'},
            {"core/a.hpp": '#  include "app/net/server.hpp"\n'},
            {"persistence/a.cpp": '#include "app/application.hpp"\n'},
            {"app/a.cpp": '#include "tests/support/x.hpp"\n'},
            {"core/runs/a.cpp": '#include "run.hpp"\n'},
            {"core/a.cpp": '#include "web/console_files.hpp"\n'},
            {"core/runs/a.cpp": '#include "../run.hpp"\n'},
        ],
        [
            {"app/a.cpp": '#include "core/b.hpp"\n#include "persistence/b.hpp"\n#include "protocol/gen/errors.hpp"\n'},
            {"app/http/a.cpp": '#include "web/console_files.hpp"\n'},
            {"tests/unit/core/a_test.cpp": '#include "app/b.hpp"\n#include "tests/support/c.hpp"\n'},
        ]),
    tidy.beast_stays_in_net: (
        [{"app/models/a.cpp": "#include <boost/beast/http.hpp>\n"}, {"core/a.hpp": "#include <boost/beast.hpp>\n"}],
        [{"app/net/a.cpp": "#include <boost/beast.hpp>\n"}, {"core/a.hpp": "// not <boost/beast.hpp>\n"}]),
    tidy.headers_are_guarded: ([{"core/a.hpp": "int x;\n"}], [{"core/a.hpp": "#pragma once\n"}, {"core/a.cpp": ""}]),
    tidy.banned_calls: (
        [
            {"core/a.cpp": "void f() { std::this_thread::sleep_for(1s); }\n"},
            {"tests/unit/a_test.cpp": "void f() { usleep(10); }\n"},
            {"core/a.cpp": "void f() { co_spawn(x, g(), asio::detached); }\n"},
            {"core/a.cpp": "void f() { std::thread(g).detach(); }\n"},
            {"core/a.cpp": "void f() { std::system(line.c_str()); }\n"},
            {"core/a.cpp": "int x = system(line);\n"},
            {"core/a.cpp": "std::regex pattern;\n"},
            {"core/a.hpp": "using namespace std;\n"},
            {"tests/e2e/a.py": "import time\ntime.sleep(1)\n"},
        ],
        [
            {"core/a.cpp": "// std::this_thread::sleep_for is banned; so is system(x).\n"},
            {"core/a.cpp": 'auto text = "asio::detached";\n'},
            {"core/a.cpp": "void f() { info.system(now); clock::system(now); }\n"},
            {"core/a.cpp": "using namespace std::chrono_literals;\n"},
        ]),
    tidy.fail_points_are_told_apart: (
        [
            {"core/a.cpp": '    GATEHOUSE_FAIL_POINT("worker.claimed");\n', "core/b.cpp": 'GATEHOUSE_FAIL_POINT("worker.claimed");\n'},
            {"core/a.cpp": '    GATEHOUSE_FAIL_POINT(name);\n'},
            {"core/a.cpp": '    GATEHOUSE_FAIL_POINT("claimed");\n'},
            {"core/a.hpp": '    GATEHOUSE_FAIL_POINT("worker.claimed");\n'},
        ],
        [{"core/a.cpp": '    GATEHOUSE_FAIL_POINT("worker.claimed");\n    GATEHOUSE_FAIL_POINT("worker.let_go");\n',
          "core/b.hpp": '// GATEHOUSE_FAIL_POINT("worker.claimed")\n#define GATEHOUSE_FAIL_POINT(name)\n'}]),
    tidy.function_length: (
        [
            {"core/a.cpp": function(71)},
            {"core/a.cpp": "namespace a {\nclass b {\n" + function(80, "int g(int x = 3) const noexcept override") + "};\n}\n"},
            {"core/a.cpp": function(90, "b::b(int x) : x_(x), y_{x}, z_(std::max(x, 1))")},
            {"core/a.cpp": function(71, "template <class T> auto f(T t) -> decltype(t.x())")},
            {"core/a.cpp": function(71, "auto const f = [](int x) -> int")},
            {"core/a.cpp": function(71, "b& b::operator=(b const& other)")},
            {"core/a.cpp": "void f() {\n" + "    if (x) { y(); }\n" * 70 + "}\n"},
            {"a.py": "def f():\n" + "    x = 1\n" * 70},
        ],
        [
            {"core/a.cpp": function(70)},
            {"core/a.cpp": table(200)},
            {"core/a.cpp": "constexpr row rows[] = {\n" + '    {"a", f(1)},\n' * 200 + "};\n"},
            {"core/a.hpp": "struct a {\n" + "    int f() { return 1; }\n" * 100 + "};\n"},
            {"core/a.cpp": "namespace a {\n" + function(60) * 3 + "}\n"},
            {"core/a.cpp": "// {\nchar const* a = R\"({{{)\";\nchar b = '{';\n" + function(60) + function(60)},
            {"a.py": "def f():\n" + "    x = 1\n" * 69},
        ]),
    tidy.migration_pairs: (
        [
            {"persistence/migrations/sqlite/0001_first.sql": ""},
            {"persistence/migrations/sqlite/0001_a.sql": "", "persistence/migrations/postgres/0001_b.sql": ""},
            {"persistence/migrations/sqlite/0002_a.sql": "", "persistence/migrations/postgres/0002_a.sql": ""},
            {"persistence/migrations/sqlite/1_a.sql": "", "persistence/migrations/postgres/1_a.sql": ""},
        ],
        [{"persistence/migrations/sqlite/0001_a.sql": "", "persistence/migrations/postgres/0001_a.sql": ""}]),
    tidy.readme_per_folder: (
        [
            {"core/a.cpp": ""},
            {"core/README.md": "# core", "core/runs/a.cpp": ""},
            {"core/README.md": "#core", "core/a.cpp": ""},
            {"core/README.md": "# core" + "x\n" * 100, "core/a.cpp": ""},
        ],
        [{"core/README.md": "# core", "core/runs/README.md": "# runs", "core/runs/deep/a.cpp": "", ".ci/run": "",
          "LICENSE": ""}]),
    tidy.names_say_something: (
        [
            {"core/string_utils.hpp": ""}, {"core/common/a.hpp": ""}, {"app/run_manager.cpp": ""},
            {"core/a.hpp": "class session_manager {\n"}, {"core/a.hpp": "namespace gatehouse::misc {\n"},
        ],
        [{"core/communal.hpp": "class commonality;\n"}, {"core/a.hpp": "// the manager of it\n"}]),
    tidy.generated_is_not_kept: (
        [
            {"web/dist/app.js": ""}, {"web/node_modules/x/a.js": ""},
            {"core/a.hpp": "// Generated by codegen from run.json. DO NOT EDIT.\n"},
        ],
        [{"core/a.hpp": "#pragma once\n// Ids are generated by the port.\n"}]),
    tidy.clean_text: (
        [{"a.md": "a\tb\n"}, {"a.py": "a \n"}, {"a.cpp": "a\r\n"}, {"a.json": "{}"}],
        [{"a.md": "a b\n"}, {"a.py": ""}]),
    tidy.line_length: (
        [{"a.cpp": "x" * 111 + "\n"}, {"a.cpp": "// " + "word " * 30 + "\n"}],
        [{"a.cpp": "x" * 110 + "\n"}, {"a.md": "x" * 200 + "\n"}, {"a.cpp": '    f("' + "x" * 120 + '");\n'}]),
}


class RulesTest(unittest.TestCase):
    def test_every_rule_has_cases(self):
        self.assertEqual(set(CASES), set(tidy.RULES))

    def test_what_is_planted_is_found(self):
        for rule, (bad, _) in CASES.items():
            for number, tree in enumerate(bad):
                with self.subTest(rule=rule.__name__, number=number):
                    self.assertTrue(list(rule(tree)), tree)

    def test_what_only_looks_alike_is_not(self):
        for rule, (_, good) in CASES.items():
            for number, tree in enumerate(good):
                with self.subTest(rule=rule.__name__, number=number):
                    self.assertEqual([], list(rule(tree)), tree)


if __name__ == "__main__":
    unittest.main()
