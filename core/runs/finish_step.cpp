#include "core/artifacts/make_artifact.hpp"
#include "core/runs/run_steps.hpp"
#include "protocol/beginning_of.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

namespace gatehouse::core {

namespace json = boost::json;

namespace {

constexpr std::size_t preview_bytes = 2'000;

// A long output stands in an artifact; tape and model get a preview and where the rest is.
json::value
shorten(run_editor& edit, json::value const& output, json::array& artifacts, run_settings const& settings) {
    auto text = json::serialize(output);
    if (static_cast<std::int64_t>(text.size()) <= settings.output_inline_bytes_max) return output;
    auto made = make_artifact(text, "application/json", "output.json", edit.tx().now());
    edit.tx().artifacts().put(made, text, edit.value().principal);
    artifacts.push_back(
        {{"artifact_id", made.artifact_id},
         {"name", "output.json"},
         {"media_type", made.media_type},
         {"size", made.size}}
    );
    return {
        {"preview", beginning_of(text, preview_bytes)}, {"artifact_id", made.artifact_id}, {"size", made.size}
    };
}

} // namespace

void finish_step(run_editor& edit, step s, step_outcome const& outcome, run_settings const& settings) {
    auto artifacts = outcome.artifacts;
    auto output = shorten(edit, outcome.output, artifacts, settings);
    s.state = step_state::finished;
    s.ok = outcome.ok;
    s.output = json::serialize(output);
    s.artifacts = json::serialize(artifacts);
    edit.tx().runs().save_step(s);
    edit.append(
        "tool_output",
        {
            {"step_id", step_id(s.ordinal)},
            {"ok", outcome.ok},
            {"output", output},
            {"artifacts", std::move(artifacts)},
        }
    );
    edit.say(
        "tool", *s.output,
        {{"call_id", s.call_id}, {"tool", s.tool}, {"ok", outcome.ok}, {"step_id", step_id(s.ordinal)}}
    );
}

} // namespace gatehouse::core
