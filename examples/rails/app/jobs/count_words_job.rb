class CountWordsJob < ApplicationJob
  def perform(note)
    note.update!(words: note.text.split.size)
  end
end
