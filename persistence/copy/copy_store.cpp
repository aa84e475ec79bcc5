#include "persistence/copy/copy_store.hpp"

#include "core/artifacts/make_artifact.hpp"
#include "core/runs/verify_run.hpp"
#include "persistence/artifact_directory.hpp"
#include "persistence/copy/raw_store.hpp"
#include "persistence/migrate.hpp"
#include "persistence/store_session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <set>

namespace gatehouse::persistence {

namespace {

using reason = unusable_store::reason;

// A chunk is a transaction: small enough that its rows fit into memory well and that little is lost with it,
// large enough that the commit does not count.
constexpr std::int64_t chunk_bytes = 4 << 20;
constexpr std::int64_t chunk_rows_max = 5'000;
constexpr std::int64_t runs_page = 500;

template <class... Parts>
[[noreturn]] void refuse(fmt::format_string<Parts const&...> text, Parts const&... parts) {
    throw unusable_store(reason::not_a_store, fmt::format(text, parts...));
}

// One end of the copy.
struct store_end {
    store_end(store_url url, core::clock const& time) : of(dialect::make(std::move(url), time)) {}

    std::string const& name() const { return of->url().name; }
    raw_value gateway_id() const { return raw->value("SELECT value FROM meta WHERE key = 'gateway_id'"); }

    std::unique_ptr<dialect> of;
    std::unique_ptr<raw_store> raw;
    std::vector<raw_table> tables; // what a copy has
};

bool has(std::vector<raw_table> const& tables, std::string_view name) {
    return std::ranges::find(tables, name, &raw_table::name) != tables.end();
}

// Without those that are each database's own: its schema's steps, and what decides its COMMITs.
std::vector<raw_table> tables_to_copy(std::vector<raw_table> all) {
    static std::set<std::string_view> const own{"schema_migrations", "commits", unfinished_copy_table};
    std::erase_if(all, [](raw_table const& each) { return own.contains(each.name); });
    return all;
}

void refuse_other_schema(store_end const& end) {
    sql session(*end.of);
    for (auto const& step : status(session)) {
        if (step.applied_at && step.is_known && !step.is_edited) continue;
        refuse(
            "The store {} has not the schema of this program (step {}, {}); use \"gatehouse db migrate\" on "
            "it, "
            "or the program that made it.",
            end.name(), step.number, step.name
        );
    }
}

// A file's lock tells whether somebody works on it, and is the caller's business; a server is shared.
void refuse_in_use(store_end const& end) {
    if (!end.of->is_postgres()) return;
    auto const who = end.raw->value(
        "SELECT instance_id || ' at ' || address FROM instances WHERE heartbeat_at + lease_ms >= now_ms()"
    );
    if (!who) return;
    refuse("The store {} is in use by {}; stop its gateways and let their lease end.", end.name(), *who);
}

store_end open_source(store_url const& url, core::clock const& time) {
    store_end source(url, time);
    refuse_other_schema(source);
    source.raw = raw_store::open(url);
    auto all = source.raw->tables();
    if (has(all, unfinished_copy_table))
        refuse("The store {} is itself a copy that was not finished.", source.name());
    source.tables = tables_to_copy(std::move(all));
    if (!source.gateway_id())
        refuse("There is nothing to copy: no gateway ever started on {}.", source.name());
    refuse_in_use(source);
    return source;
}

// Grows with each start of a gateway, whose first event it is.
std::string head_of(store_end const& source) {
    return *source.raw->value("SELECT CAST(coalesce(max(seq), 0) AS TEXT) FROM outbox");
}

// Rows that are there already are not looked at again.
void refuse_changed(store_end const& source, store_end const& target) {
    auto const then = target.raw->value(fmt::format("SELECT head FROM {}", unfinished_copy_table));
    if (then == head_of(source)) return;
    refuse(
        "A gateway has worked on {} since its copy was begun. Drop {} and make a new copy, with no gateway "
        "running "
        "until it is finished.",
        source.name(), target.name()
    );
}

// Nothing but the rows that migrations make, which are the source's business too.
void make_empty(store_end& target, store_end const& source) {
    auto const source_id = *source.gateway_id();
    auto const held = target.gateway_id();
    if (held == source_id)
        refuse("The store {} holds this gateway's data already: a copy that is finished.", target.name());
    if (held) {
        refuse(
            "The store {} holds data already, of {}, and was left as it is; name an empty database or a "
            "new file.",
            target.name(), *held
        );
    }
    std::string statements;
    for (auto const& each : target.tables | std::views::reverse)
        statements += fmt::format("DELETE FROM {};", quoted_name(each.name));
    statements += fmt::format(
        "CREATE TABLE {0} (source TEXT NOT NULL, head TEXT NOT NULL); INSERT INTO {0} VALUES ('{1}', '{2}');",
        unfinished_copy_table, source_id, head_of(source)
    );
    target.raw->run(statements);
}

store_end open_target(store_url const& url, core::clock const& time, store_end const& source) {
    store_end target(url, time);
    sql session(*target.of); // makes a file that is not there
    target.raw = raw_store::open(url);
    if (!target.raw->be_the_only_copy())
        refuse("Another copy into {} is under way; wait for it, or stop it.", target.name());
    auto const before = target.raw->tables();
    auto const source_id = *source.gateway_id();
    bool const is_begun = has(before, unfinished_copy_table);
    if (is_begun) {
        auto const of = target.raw->value(fmt::format("SELECT source FROM {}", unfinished_copy_table));
        if (of != source_id)
            refuse(
                "The store {} is an unfinished copy of another store, {}; name another one.", target.name(),
                *of
            );
    } else {
        if (!before.empty() && !has(before, "schema_migrations")) {
            refuse(
                "The store {} holds tables of another program and was left as it is; name a database of "
                "its own.",
                target.name()
            );
        }
        migrate(session);
    }
    refuse_other_schema(target);
    target.tables = tables_to_copy(target.raw->tables());
    if (target.tables != source.tables)
        refuse("The stores {} and {} have not the same tables.", source.name(), target.name());
    if (!is_begun) make_empty(target, source);
    refuse_changed(source, target);
    return target;
}

std::int64_t bytes_of(std::vector<raw_row> const& rows) {
    std::int64_t bytes = 0;
    for (auto const& row : rows)
        for (auto const& each : row) bytes += static_cast<std::int64_t>(each ? each->size() : 0);
    return bytes;
}

using progress_listener = std::function<void(copy_progress const&)>;

// Rows are copied in the order of their key, so the last one that is there tells where to go on.
std::int64_t copy_table(
    store_end& source, store_end& target, raw_table const& table, progress_listener const& on_progress
) {
    copy_progress done{table.name, target.raw->count(table), source.raw->count(table)};
    on_progress(done);
    auto last = target.raw->last_row(table);
    std::int64_t limit = 64;
    while (true) {
        auto rows = source.raw->read(table, last, limit);
        if (rows.empty()) return done.rows;
        target.raw->insert(table, rows);
        done.rows += std::ssize(rows);
        on_progress(done);
        last = std::move(rows.back());
        auto const row_bytes = bytes_of(rows) / std::ssize(rows) + 1;
        limit = std::clamp<std::int64_t>(chunk_bytes / row_bytes, 1, chunk_rows_max);
    }
}

void compare_counts(store_end const& source, store_end const& target) {
    for (auto const& each : source.tables) {
        auto const wanted = source.raw->count(each);
        auto const found = target.raw->count(each);
        if (wanted == found) continue;
        refuse(
            "The copy has {} rows in {} and {} has {}: something wrote while it was copied. Drop the copy "
            "and "
            "make a new one, with no gateway running.",
            found, each.name, source.name(), wanted
        );
    }
}

// Recomputes the hash chain of every tape in the target.
void verify_tapes(
    store_end const& target, core::clock const& time, copy_summary& into, progress_listener const& on_progress
) {
    store_session session(*target.of);
    sql_transaction const whole(session.statements(), access::read);
    core::snapshot const view(session.stores(), time.now());
    std::int64_t all = 0;
    for (auto const& [state, count] : view.runs().count_by_state()) all += count;
    core::run_filter page;
    page.limit = runs_page;
    page.purpose.reset();
    while (true) {
        auto const runs = view.runs().list(page);
        if (runs.empty()) return;
        for (auto const& each : runs) {
            auto const verdict = core::verify_run(view, each.run_id, {each.principal, true});
            if (verdict->first_bad_seq) {
                refuse(
                    "The tape of run {} is broken from item {} on, in {}; see what \"run.verify\" says of it "
                    "in "
                    "the source.",
                    each.run_id, *verdict->first_bad_seq, target.name()
                );
            }
            ++into.runs;
            into.tape_items += verdict->items;
        }
        page.after = runs.back().run_id;
        on_progress({"tapes verified", into.runs, all});
    }
}

// A file is named by the digest of its bytes.
bool copy_file(
    artifact_directory const& from, artifact_directory const& to, std::string const& id, std::int64_t size
) {
    auto const is_whole = [&](std::string const& bytes) {
        return core::artifact_id_of(byte_view(bytes)) == id;
    };
    if (is_whole(to.read(id, 0, size))) return true;
    auto const bytes = from.read(id, 0, size);
    if (!is_whole(bytes)) return false;
    to.write(id, bytes);
    return true;
}

// Read to the end first: a transaction that waits for files would be ended by the server.
std::vector<core::artifact> artifacts_in_files(store_end const& target) {
    store_session session(*target.of);
    sql_transaction const whole(session.statements(), access::read);
    std::vector<core::artifact> found;
    std::optional<std::string> after;
    while (true) {
        auto page = session.stores().artifacts.list(std::nullopt, after, chunk_rows_max);
        if (page.empty()) return found;
        after = page.back().artifact_id;
        std::ranges::copy_if(page, std::back_inserter(found), &core::artifact::in_directory);
    }
}

void copy_artifact_files(store_end const& target, copy_plan const& plan, copy_summary& into) {
    auto const files = artifacts_in_files(target);
    into.artifact_files = std::ssize(files);
    if (!plan.artifacts_from || !plan.artifacts_to) return;
    artifact_directory const from(*plan.artifacts_from);
    artifact_directory const to(*plan.artifacts_to);
    for (auto const& each : files) {
        if (!copy_file(from, to, each.artifact_id, each.size))
            into.missing_artifacts.push_back(each.artifact_id);
    }
}

} // namespace

copy_summary
copy_store(copy_plan const& plan, core::clock const& time, progress_listener const& on_progress) {
    auto source = open_source(plan.from, time);
    auto target = open_target(plan.to, time, source);
    copy_summary summary;
    for (auto const& each : source.tables) {
        ++summary.tables;
        summary.rows += copy_table(source, target, each, on_progress);
    }
    refuse_in_use(source);
    refuse_changed(source, target);
    compare_counts(source, target);
    verify_tapes(target, time, summary, on_progress);
    copy_artifact_files(target, plan, summary);
    target.raw->run(target.raw->settle(target.tables) + fmt::format("DROP TABLE {};", unfinished_copy_table));
    return summary;
}

} // namespace gatehouse::persistence
