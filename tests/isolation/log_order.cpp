#include "tests/isolation/log_order.hpp"

#include "tests/isolation/verbs.hpp"

namespace gatehouse::isolation {

namespace {

// An event of a session that is marked as slow gets its number and then waits in its COMMIT for the lock 42.
constexpr char const* slow_commits = R"(
CREATE FUNCTION wait_if_slow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('gatehouse.slow', true) = 'yes' THEN PERFORM pg_advisory_xact_lock(42); END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER slow_commit AFTER INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION wait_if_slow())";

meeting_unit start_on(stage& on, int side) { return find_verb("start").make(on, side); }

} // namespace

void log_order::finish() {
    while (a.now() != stepped_side::standing::done || b.now() != stepped_side::standing::done) {
        steps.run_one(a);
        steps.run_one(b);
    }
}

// `then` waits while a start on the stage has its number in the log and is not committed; or says
// `otherwise`.
void log_order::check_wait(
    stage& on, deed const& then, std::string otherwise, std::vector<std::string>& found
) {
    persistence::sql holder(of);
    holder.script("SET idle_in_transaction_session_timeout = 0");
    holder.script("SELECT pg_advisory_lock(42)");
    a.set("SET gatehouse.slow = 'yes'");
    a.start(start_on(on, 0).work);
    if (!steps.run_one(a)) found.push_back("the test did not hold up the commit");
    b.start(then);
    if (!steps.run_one(b)) found.push_back(std::move(otherwise));
    holder.script("SELECT pg_advisory_unlock(42)");
    finish();
    a.set("RESET gatehouse.slow");
}

// Who has a number in the log is committed before anybody gets a larger one.
void log_order::check_order(std::vector<std::string>& found) {
    stage first(by, run_stands::queued);
    stage second(by, run_stands::queued);
    check_wait(
        first, start_on(second, 1).work, "I8 an event was committed before one with a smaller number", found
    );
    first.drain();
    second.drain();
}

// An epoch begins behind whatever has its number, and before whatever has none.
void log_order::check_epoch(std::vector<std::string>& found) {
    stage before(by, run_stands::queued);
    check_wait(
        before, find_verb("change epoch").make(before, 1).work,
        "I8 an epoch began before an event of the last one was committed", found
    );
    before.drain();
    stage after(by, run_stands::queued);
    b.start(find_verb("change epoch").make(after, 1).work);
    steps.run_one(b, "COMMIT");
    a.start(start_on(after, 0).work);
    if (!steps.run_one(a)) found.push_back("I8 an event was committed while an epoch began");
    finish();
    after.drain();
}

// Who has not come to its COMMIT does not keep others from theirs.
void log_order::check_strangers(std::vector<std::string>& found) {
    stage first(by, run_stands::queued);
    stage second(by, run_stands::queued);
    a.start(start_on(first, 0).work);
    steps.run_one(a, "COMMIT");
    b.start(start_on(second, 1).work);
    if (steps.run_one(b)) found.push_back("a transaction waits for one that has nothing in common with it");
    finish();
    first.drain();
    second.drain();
}

std::vector<std::string> log_order::violations() {
    std::vector<std::string> found;
    check_strangers(found);
    by.statements().script(slow_commits);
    check_order(found);
    check_epoch(found);
    return found;
}

} // namespace gatehouse::isolation
