#include "app/application.hpp"
#include "app/cli/commands.hpp"
#include "app/client/private_file.hpp"
#include "app/data_directory.hpp"
#include "app/serve_settings.hpp"
#include "app/system_ports.hpp"
#include "persistence/dialect.hpp"
#include "persistence/migrate.hpp"
#include "persistence/store_url.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace gatehouse::app::cli {
namespace {

// A store and whatever opens it, for as long as one of the commands needs it.
int with_store(serve_options const& options, int (*use)(persistence::sql&)) {
    auto const settings = resolve_settings(options);
    try {
        if (auto const made = client::make_private_directory(settings.data); !made)
            throw startup_problem(made.error().message);
        system_clock const time;
        auto const dialect = persistence::dialect::make(persistence::store_url::parse(settings.store), time);
        persistence::sql session(*dialect);
        return use(session);
    } catch (persistence::unusable_store const& problem) {
        throw startup_problem(problem.what());
    }
}

int print_status(persistence::sql& store) {
    auto const steps = persistence::status(store);
    bool is_behind = false;
    bool is_foreign = false;
    for (auto const& step : steps) {
        auto const applied =
            step.applied_at ? format_timestamp(*step.applied_at) : std::string("not applied");
        auto const remark = !step.is_known   ? "  (of a newer program)"
                            : step.is_edited ? "  (with another text)"
                                             : "";
        fmt::print("{:>4}  {:<32}  {}{}\n", step.number, step.name, applied, remark);
        is_behind = is_behind || !step.applied_at;
        is_foreign = is_foreign || !step.is_known || step.is_edited;
    }
    fmt::print(
        "{}\n", is_foreign  ? "The store was made by another program; go on with that one."
                : is_behind ? "The store is not current; \"gatehouse db migrate\" brings it up to date."
                            : "The store is current."
    );
    return is_foreign || is_behind ? 1 : 0;
}

int apply_migrations(persistence::sql& store) {
    fmt::print("The store is at step {}.\n", persistence::migrate(store));
    return 0;
}

void add_store_options(CLI::App& command, serve_options& into) {
    command.add_option("--config", into.config_file, "Configuration file (TOML)")->type_name("FILE");
    command.add_option("--data", into.data, "The gateway's data directory")->type_name("DIR");
    command.add_option("--store", into.store, "sqlite:PATH or postgresql://… (else GATEHOUSE_STORE)")
        ->type_name("URL")
        ->envname("GATEHOUSE_STORE");
}

} // namespace

void add_db_command(CLI::App& program, chosen_command& chosen) {
    auto* const command = program.add_subcommand("db", "Look after the store");
    command->require_subcommand(1);
    auto const options = std::make_shared<serve_options>();
    auto* const migrate = command->add_subcommand(
        "migrate", "Bring the store's schema up to date, as serve does when it starts"
    );
    auto* const status =
        command->add_subcommand("status", "List the steps of the schema; exit code 1 if some are missing");
    add_store_options(*migrate, *options);
    add_store_options(*status, *options);
    migrate->footer("Example:\n  gatehouse db migrate --data ./data");
    status->footer("Example:\n  GATEHOUSE_STORE=postgresql://gatehouse@db/gatehouse gatehouse db status");
    command->footer(
        "Examples:\n  gatehouse db status\n  gatehouse db migrate --store sqlite:./data/gatehouse.db\n"
        "  gatehouse db copy --from sqlite:./data/gatehouse.db --to postgresql://gatehouse@db/gatehouse"
    );
    add_db_copy_command(*command, chosen);
    migrate->callback([&chosen, options] {
        chosen = [options] { return with_store(*options, apply_migrations); };
    });
    status->callback([&chosen, options] { chosen = [options] { return with_store(*options, print_status); }; }
    );
}

} // namespace gatehouse::app::cli
