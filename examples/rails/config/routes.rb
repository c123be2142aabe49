Rails.application.routes.draw do
  # Reads what the page reads: a new process is asked for it until it is warm.
  get "up" => "notes#index"

  resources :notes, only: %i[index show create]
  root "notes#index"
end
