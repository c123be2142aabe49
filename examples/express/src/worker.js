const { Worker } = require('bullmq');
const count = require('./count');
const { connection } = require('./queue');

const worker = new Worker('notes', (job) => count(job.data.id), { connection });
worker.on('failed', (job, error) => console.error(job?.id, error));
console.log('Waiting for jobs');

process.on('SIGTERM', async () => {
  await worker.close();
  process.exit(0);
});
