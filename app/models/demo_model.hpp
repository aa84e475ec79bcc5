#pragma once
// The model `demo`: it needs no network and does what the user's text says, line by line, so that everything
// of the gateway can be tried before any key is set. The same messages always give the same turn.
//
//   /call <tool> <json object>   propose that tool call; the arguments may be left out
//   /parallel <n>                the next n /call lines belong to one turn
//   /sleep <ms>                  wait inside the turn
//   /fail transient <n>          fail the turn n times with an error worth a retry, then go on
//   /fail permanent              fail it for good
//   /say <text>                  say that
//
// Asked for a conversation's label it gives the first six words of it.
//
// A turn takes the lines up to and including its next call group. Other lines mean nothing where there is a
// directive; where there is none, the answer is "You said: <text>".
#include "core/ports/model.hpp"

namespace gatehouse::app::models {

// Loop only.
class demo_model final : public core::model {
  public:
    explicit demo_model(core::loop& on) : loop_(on) {}

    core::task<std::expected<core::model_response, core::provider_error>>
    turn(core::model_request const& request, core::text_sink& sink, core::cancellation& stop) override;

  private:
    core::loop& loop_;
};

} // namespace gatehouse::app::models
