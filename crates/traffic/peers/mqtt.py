"""Messages by MQTT 3.1.1 and 5: a password, a will, properties and a topic alias, in clear and inside TLS."""

import ssl
import subprocess
import time

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

NEEDS = "mosquitto (server), paho-mqtt 2 (client)"


def talk(stage, version, port, text, secure):
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"phone-{version}-{port}", protocol=version)
    client.username_pw_set("ann", "fen-causeway-86")
    client.will_set("presence/ann", "gone to the reeds", qos=1)
    if secure:
        context = ssl.create_default_context(cafile=stage.authority.path)
        context.check_hostname = False
        context.keylog_filename = str(stage.key_log)
        client.tls_set_context(context)
        client.tls_insecure_set(True)
    heard = []
    client.on_message = lambda c, u, message: heard.append(message.payload)
    client.connect("127.20.3.7", port)
    client.loop_start()
    time.sleep(0.4)
    client.subscribe("chat/#", qos=1)
    time.sleep(0.2)
    for n in range(2):
        if version == mqtt.MQTTv5:
            properties = Properties(PacketTypes.PUBLISH)
            properties.TopicAlias = 1
            properties.UserProperty = ("mood", "quiet")
            client.publish("chat/bob" if n == 0 else "", f"{text} {n}", qos=1, properties=properties)
        else:
            client.publish("chat/bob", f"{text} {n}", qos=n)
    time.sleep(0.5)
    client.disconnect()
    client.loop_stop()


def play(stage):
    certificate = stage.authority.issue("mq.example")
    config = stage.folder / "mosquitto.conf"
    config.write_text(
        "allow_anonymous true\nuser root\n"
        "listener 18830 127.20.3.7\n"
        f"listener 18840 127.20.3.7\ncertfile {certificate}\nkeyfile {certificate}\n"
    )
    server = subprocess.Popen(["mosquitto", "-c", str(config)])
    time.sleep(0.7)
    try:
        talk(stage, mqtt.MQTTv311, 18830, "The heron lands at dusk", False)
        talk(stage, mqtt.MQTTv5, 18830, "The bittern booms before dawn", False)
        talk(stage, mqtt.MQTTv5, 18840, "The egret waits by the weir", True)
    finally:
        server.terminate()
        server.wait()
