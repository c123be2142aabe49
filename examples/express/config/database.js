const url = { use_env_variable: 'DATABASE_URL', dialect: 'postgres' };

module.exports = { development: url, test: url, production: url };
