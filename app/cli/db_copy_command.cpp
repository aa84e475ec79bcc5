#include "app/cli/commands.hpp"
#include "app/client/private_file.hpp"
#include "app/data_directory.hpp"
#include "app/system_ports.hpp"
#include "persistence/copy/copy_store.hpp"
#include "persistence/sql_error.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <set>

namespace gatehouse::app::cli {
namespace {

using persistence::store_url;

struct copy_options {
    std::string from;
    std::string to;
    std::string data;
    std::string to_data;
};

bool is_file(store_url const& url) { return url.kind == store_url::backend::sqlite; }

store_url parse(std::string const& option, std::string const& text) {
    try {
        return store_url::parse(text);
    } catch (persistence::unusable_store const& problem) {
        throw startup_problem(option + ": " + problem.what());
    }
}

// Nobody starts a gateway on either file while these are held.
std::vector<std::unique_ptr<file_lock>> lock_files(copy_options const& given) {
    std::set<std::filesystem::path> locks;
    for (auto const& text : {given.from, given.to}) {
        auto const url = store_url::parse(text);
        if (!is_file(url)) continue;
        for (auto const& each : data_directory::locks_of(url.path))
            locks.insert(std::filesystem::canonical(each));
    }
    std::vector<std::unique_ptr<file_lock>> held;
    for (auto const& each : locks) {
        held.push_back(std::make_unique<file_lock>(each));
        if (held.back()->is_held()) continue;
        throw startup_problem(
            fmt::format("A gateway works on a store beside {}; stop it first.", each.string())
        );
    }
    return held;
}

void make_folder(std::string const& option, std::filesystem::path const& path) {
    if (auto const made = client::make_private_directory(path); !made)
        throw startup_problem(option + ": " + made.error().message);
}

persistence::copy_plan make_plan(copy_options const& given) {
    persistence::copy_plan plan;
    plan.from = parse("--from", given.from);
    plan.to = parse("--to", given.to);
    if (is_file(plan.from) && !std::filesystem::exists(plan.from.path))
        throw startup_problem(fmt::format("--from: there is no file {}.", plan.from.path));
    if (is_file(plan.to)) make_folder("--to", std::filesystem::absolute(plan.to.path).parent_path());
    if (!given.data.empty())
        plan.artifacts_from = std::filesystem::path(given.data) / "artifacts";
    else if (is_file(plan.from))
        plan.artifacts_from = std::filesystem::absolute(plan.from.path).parent_path() / "artifacts";
    if (given.to_data.empty()) return plan;
    make_folder("--to-data", given.to_data);
    plan.artifacts_to = std::filesystem::path(given.to_data) / "artifacts";
    return plan;
}

// One line a table; on a terminal it counts.
void print_progress(persistence::copy_progress const& now) {
    static constexpr int name_width = 20;
    bool const is_done = now.rows >= now.of_rows;
    bool const is_terminal = ::isatty(STDOUT_FILENO) != 0;
    if (!is_done && !is_terminal) return;
    fmt::print("{}  {:<{}} {:>12}", is_terminal ? "\r" : "", now.table, name_width, now.rows);
    fmt::print("{}", is_done ? "\n" : fmt::format(" of {}", now.of_rows));
    std::fflush(stdout);
}

void print_about_files(persistence::copy_summary const& done, persistence::copy_plan const& plan) {
    if (done.artifact_files == 0) return;
    if (plan.artifacts_from && plan.artifacts_to) {
        fmt::print(
            "Copied {} artifact files to {}.\n", done.artifact_files - std::ssize(done.missing_artifacts),
            plan.artifacts_to->string()
        );
        for (auto const& each : done.missing_artifacts)
            fmt::print("Missing or damaged in {}: {}\n", plan.artifacts_from->string(), each);
        return;
    }
    auto const where =
        plan.artifacts_from ? plan.artifacts_from->string() : "the gateways' data directories, artifacts/";
    fmt::print(
        "{} artifacts over 8 MiB are files and were not copied: copy {} into the data directory of the "
        "gateway on the new store.\n",
        done.artifact_files, where
    );
}

int run_copy(copy_options const& given) {
    try {
        auto const plan = make_plan(given);
        auto const locks = lock_files(given);
        system_clock const time;
        fmt::print("Copying {} to {}.\n", plan.from.name, plan.to.name);
        auto const done = persistence::copy_store(plan, time, print_progress);
        fmt::print(
            "Verified: {} tables with {} rows, {} runs with {} tape items whose hashes are right.\n",
            done.tables, done.rows, done.runs, done.tape_items
        );
        print_about_files(done, plan);
        fmt::print("Start gateways on the new store only; the old one was left as it is.\n");
        return done.missing_artifacts.empty() ? 0 : 1;
    } catch (persistence::unusable_store const& problem) {
        throw startup_problem(problem.what());
    } catch (persistence::sql_error const& problem) {
        throw startup_problem(
            fmt::format("The copy stopped: {}. Run the same command again to go on.", problem.what())
        );
    }
}

} // namespace

void add_db_copy_command(CLI::App& db, chosen_command& chosen) {
    auto* const command =
        db.add_subcommand("copy", "Copy a whole store to another place or kind of database");
    auto const options = std::make_shared<copy_options>();
    command->add_option("--from", options->from, "The store to copy: sqlite:PATH or postgresql://…")
        ->type_name("URL")
        ->required();
    command
        ->add_option(
            "--to", options->to, "An empty store, or this copy as far as it is (else GATEHOUSE_STORE)"
        )
        ->type_name("URL")
        ->envname("GATEHOUSE_STORE")
        ->required();
    command
        ->add_option(
            "--data", options->data, "Data directory of the old store's gateway (that of the SQLite file)"
        )
        ->type_name("DIR");
    command
        ->add_option(
            "--to-data", options->to_data,
            "Data directory of the new store's gateway: artifacts over 8 MiB go there"
        )
        ->type_name("DIR");
    command->footer(
        R"(Stop the gateway first. A copy that was interrupted goes on when the command is run again; until it
is verified no gateway starts on the new store. Tokens, devices and cursors stay valid.

Examples:
  gatehouse db copy --from sqlite:./data/gatehouse.db --to postgresql://gatehouse@db/gatehouse
  gatehouse db copy --from postgresql://gatehouse@db/gatehouse --to sqlite:./backup/gatehouse.db)"
    );
    command->callback([&chosen, options] { chosen = [options] { return run_copy(*options); }; });
}

} // namespace gatehouse::app::cli
