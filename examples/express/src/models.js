const { DataTypes, Sequelize } = require('sequelize');

const sequelize = new Sequelize(process.env.DATABASE_URL || 'postgres://localhost/notes', {
  dialect: 'postgres',
  logging: false,
  define: { underscored: true },
});

const Note = sequelize.define('note', {
  text: { type: DataTypes.TEXT, allowNull: false, validate: { notEmpty: true } },
  words: { type: DataTypes.INTEGER },
});

module.exports = { Note, sequelize };
