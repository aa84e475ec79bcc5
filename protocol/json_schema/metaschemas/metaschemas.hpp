#pragma once
// The texts of the metaschemas this validator knows without being given them. Each text has its "$id".

#include <span>
#include <string_view>

namespace gatehouse::json_schema {

std::span<std::string_view const> draft_2020_12_metaschemas() noexcept;
std::span<std::string_view const> draft_7_metaschemas() noexcept;

} // namespace gatehouse::json_schema
