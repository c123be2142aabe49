require "test_helper"

class NotesControllerTest < ActionDispatch::IntegrationTest
  include ActiveJob::TestHelper

  test "is healthy" do
    get "/up"
    assert_response :success
  end

  test "a note is stored, and its words are counted" do
    perform_enqueued_jobs { post notes_url, params: { text: "three small words" }, as: :json }
    assert_response :created
    get note_url(response.parsed_body["id"])
    assert_equal 3, response.parsed_body["words"]
  end

  test "a note without a text is refused" do
    post notes_url, params: { text: "" }, as: :json
    assert_response :unprocessable_entity
  end
end
