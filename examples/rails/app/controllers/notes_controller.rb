class NotesController < ApplicationController
  def index
    render json: Note.order(id: :desc).limit(20)
  end

  def show
    render json: Note.find(params[:id])
  end

  def create
    note = Note.new(params.permit(:text))
    if note.save
      render json: note, status: :created
    else
      render json: { errors: note.errors }, status: :unprocessable_entity
    end
  end
end
