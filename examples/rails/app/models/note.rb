class Note < ApplicationRecord
  validates :text, presence: true

  after_create_commit { CountWordsJob.perform_later(self) }
end
