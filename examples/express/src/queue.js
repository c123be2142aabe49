const { Queue } = require('bullmq');
const Redis = require('ioredis');

// BullMQ wants its commands tried again for as long as Redis is away.
const connection = new Redis(process.env.REDIS_URL || 'redis://localhost:6379', {
  maxRetriesPerRequest: null,
});

module.exports = { connection, notes: new Queue('notes', { connection }) };
