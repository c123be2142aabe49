const express = require('express');
const { ValidationError } = require('sequelize');
const { Note, sequelize } = require('./models');
const { notes } = require('./queue');

const app = express();
app.set('trust proxy', 'loopback');
app.use(express.json());

// Express 4 does not hand a rejected promise to the error handler by itself.
const handled = (handler) => (req, res, next) => handler(req, res, next).catch(next);

app.get('/health', handled(async (req, res) => {
  await sequelize.query('SELECT 1');
  res.send('ok');
}));

app.get('/', handled(async (req, res) => {
  res.json(await Note.findAll({ order: [['id', 'DESC']], limit: 20 }));
}));

app.get('/notes/:id', handled(async (req, res) => {
  const note = await Note.findByPk(req.params.id);
  res.status(note ? 200 : 404).json(note);
}));

app.post('/notes', handled(async (req, res) => {
  const note = await Note.create({ text: req.body.text });
  await notes.add('count', { id: note.id });
  res.status(201).json(note);
}));

app.use((error, req, res, next) => {
  if (error instanceof ValidationError) return res.status(422).json({ error: error.message });
  return next(error);
});

module.exports = app;
