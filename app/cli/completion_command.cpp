#include "app/cli/commands.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <string>
#include <vector>

namespace gatehouse::app::cli {
namespace {

struct command_words {
    std::string name;
    std::string description;
    std::vector<std::string> words; // options and subcommands
};

std::vector<command_words> words_of(CLI::App const& program) {
    std::vector<command_words> all;
    for (auto const* command : program.get_subcommands(nullptr)) {
        command_words entry{command->get_name(), command->get_description(), {}};
        for (auto const* option : command->get_options()) {
            for (auto const& name : option->get_lnames()) entry.words.push_back("--" + name);
        }
        for (auto const* inner : command->get_subcommands(nullptr)) entry.words.push_back(inner->get_name());
        all.push_back(std::move(entry));
    }
    return all;
}

std::string names_of(std::vector<command_words> const& all) {
    std::vector<std::string> names;
    for (auto const& each : all) names.push_back(each.name);
    return fmt::format("{}", fmt::join(names, " "));
}

void print_bash(std::vector<command_words> const& all) {
    fmt::print(
        "_gatehouse() {{\n    local words=\"{}\"\n    case \"${{COMP_WORDS[1]}}\" in\n", names_of(all)
    );
    for (auto const& each : all) {
        fmt::print(
            "        {}) [[ $COMP_CWORD -gt 1 ]] && words=\"{}\" ;;\n", each.name, fmt::join(each.words, " ")
        );
    }
    fmt::print(R"(    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}")
    [[ ${{#COMPREPLY[@]}} -gt 0 ]] || mapfile -t COMPREPLY < <(compgen -f -- "${{COMP_WORDS[COMP_CWORD]}}")
}}
complete -F _gatehouse gatehouse
)");
}

void print_zsh(std::vector<command_words> const& all) {
    fmt::print(
        "#compdef gatehouse\n_gatehouse() {{\n    if (( CURRENT == 2 )); then\n        local -a commands=(\n"
    );
    for (auto const& each : all) fmt::print("            '{}:{}'\n", each.name, each.description);
    fmt::print(
        "        )\n        _describe command commands\n        return\n    fi\n    case $words[2] in\n"
    );
    for (auto const& each : all)
        fmt::print("        {}) compadd -- {} ;;\n", each.name, fmt::join(each.words, " "));
    fmt::print("    esac\n    _files\n}}\ncompdef _gatehouse gatehouse\n");
}

void print_fish(std::vector<command_words> const& all) {
    fmt::print("complete -c gatehouse -n __fish_use_subcommand -f\n");
    for (auto const& each : all) {
        fmt::print(
            "complete -c gatehouse -n __fish_use_subcommand -a {} -d '{}'\n", each.name, each.description
        );
        for (auto const& word : each.words) {
            auto const form = word.starts_with("--") ? "-l " + word.substr(2) : "-f -a " + word;
            fmt::print("complete -c gatehouse -n '__fish_seen_subcommand_from {}' {}\n", each.name, form);
        }
    }
}

} // namespace

void add_completion_command(CLI::App& program, chosen_command& chosen) {
    auto* const command = program.add_subcommand("completion", "Print the completion script of a shell");
    command->require_subcommand(1);
    command->footer(R"(Examples:
  source <(gatehouse completion bash)
  gatehouse completion zsh > "${fpath[1]}/_gatehouse"
  gatehouse completion fish > ~/.config/fish/completions/gatehouse.fish)");
    auto add = [&](char const* shell, void (*print)(std::vector<command_words> const&)) {
        command->add_subcommand(shell, fmt::format("For {}", shell))->callback([&program, &chosen, print] {
            chosen = [&program, print] {
                print(words_of(program));
                return 0;
            };
        });
    };
    add("bash", print_bash);
    add("zsh", print_zsh);
    add("fish", print_fish);
}

} // namespace gatehouse::app::cli
