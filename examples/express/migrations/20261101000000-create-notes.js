module.exports = {
  up: (queryInterface, { INTEGER, TEXT, DATE }) =>
    queryInterface.createTable('notes', {
      id: { type: INTEGER, primaryKey: true, autoIncrement: true },
      text: { type: TEXT, allowNull: false },
      words: { type: INTEGER },
      created_at: { type: DATE, allowNull: false },
      updated_at: { type: DATE, allowNull: false },
    }),
  down: (queryInterface) => queryInterface.dropTable('notes'),
};
