ActiveRecord::Schema[7.2].define(version: 2026_11_01_000000) do
  enable_extension "plpgsql"

  create_table "notes", force: :cascade do |t|
    t.text "text", null: false
    t.integer "words"
    t.datetime "created_at", null: false
    t.datetime "updated_at", null: false
  end
end
