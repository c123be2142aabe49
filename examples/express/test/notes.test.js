// Needs a migrated PostgreSQL in DATABASE_URL and Redis in REDIS_URL.
const assert = require('node:assert');
const { after, test } = require('node:test');
const request = require('supertest');
const app = require('../src/app');
const count = require('../src/count');
const { sequelize } = require('../src/models');
const { connection, notes } = require('../src/queue');

after(async () => {
  await notes.close();
  connection.disconnect();
  await sequelize.close();
});

test('is healthy while the database answers', async () => {
  await request(app).get('/health').expect(200, 'ok');
});

test('a note is stored, and its words are counted', async () => {
  const { body } = await request(app).post('/notes').send({ text: 'three small words' }).expect(201);
  await count(body.id);
  const { body: found } = await request(app).get(`/notes/${body.id}`).expect(200);
  assert.strictEqual(found.words, 3);
});

test('a note without a text is refused', async () => {
  await request(app).post('/notes').send({ text: '' }).expect(422);
});
