#pragma once
// The ids of a list that is bound as `:ids`, as rows with one column `id`.
#define LISTED_IDS_SQLITE "(SELECT value AS id FROM json_each(:ids)) AS listed"
#define LISTED_IDS_POSTGRES "json_array_elements_text(CAST(:ids AS JSON)) AS listed (id)"
// Behind a column: is one of them. PostgreSQL looks each up in the column's index, however long the table is.
#define IS_LISTED_SQLITE " IN (SELECT value FROM json_each(:ids)) "
#define IS_LISTED_POSTGRES " = ANY (ARRAY(SELECT json_array_elements_text(CAST(:ids AS JSON)))) "
