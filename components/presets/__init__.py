"""What an app needs that runs on Heroku as it is: detected from its repository, a file a framework.

A preset fills in Debian packages, build, environment, health path and console. Whatever a setting
says goes before it. Nothing here runs anything but the operator's own git, or touches a host.
"""
