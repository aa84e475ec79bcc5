#pragma once
#include "core/events/event_log.hpp"

#include <string>
#include <vector>

namespace gatehouse::core {

// What a committed unit gives others to look at. Wake-ups: whoever is woken reads the store, and only where
// `events` has what it would read there, it need not.
struct commit_signals {
    bool outbox = false;                  // events were written
    bool queue = false;                   // a run became claimable
    bool policy = false;                  // policy, agents or tools changed
    bool triggers = false;                // a trigger has another next slot
    std::vector<logged_event> events;     // those events, where the store numbers them before the COMMIT
    std::vector<std::string> tapes;       // runs whose tape grew
    std::vector<std::string> inboxes;     // runs with a message for their owner
    std::vector<std::string> invocations; // calls to nodes whose row changed
    std::vector<std::string> devices;     // devices with calls to take, a new pairing state or changed rights
    std::vector<std::string> tokens;      // tokens that were revoked

    void merge(commit_signals&& other) {
        outbox |= other.outbox;
        queue |= other.queue;
        policy |= other.policy;
        triggers |= other.triggers;
        append(events, other.events);
        append(tapes, other.tapes);
        append(inboxes, other.inboxes);
        append(invocations, other.invocations);
        append(devices, other.devices);
        append(tokens, other.tokens);
    }

  private:
    template <class T>
    static void append(std::vector<T>& to, std::vector<T>& from) {
        to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
    }
};

} // namespace gatehouse::core
