const { Note } = require('./models');

/** Count the words of a note. */
module.exports = async function count(id) {
  const note = await Note.findByPk(id);
  if (note) await note.update({ words: note.text.split(/\s+/).filter(Boolean).length });
};
