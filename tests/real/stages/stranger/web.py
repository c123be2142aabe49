import asyncio
import os
from datetime import timedelta

import psycopg
import tornado.web
import tornado.websocket
from jobs import write_down
from redis import Redis
from rq import Queue

queue = Queue(connection=Redis.from_url(os.environ["REDIS_URL"]))


class Up(tornado.web.RequestHandler):
    def get(self):
        self.write("ok")


class Guests(tornado.web.RequestHandler):
    def get(self):
        with psycopg.connect(os.environ["DATABASE_URL"]) as db:
            names = [name for (name,) in db.execute("SELECT name FROM guests ORDER BY id")]
        self.write({"guests": names})

    def post(self):
        wait = timedelta(seconds=int(self.get_argument("in", "0")))
        job = self.get_argument("name"), int(self.get_argument("takes", "0"))
        if wait:
            queue.enqueue_in(wait, write_down, *job)
        else:
            queue.enqueue(write_down, *job)
        self.set_status(202)


class Talk(tornado.websocket.WebSocketHandler):
    def on_message(self, message):
        self.write_message(f"{os.environ['STAGES_STACK']}: {message}")


async def main():
    app = tornado.web.Application([("/up", Up), ("/guests", Guests), ("/talk", Talk)])
    app.listen(int(os.environ["PORT"]), "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main())
