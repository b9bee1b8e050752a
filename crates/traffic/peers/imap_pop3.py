"""A mail put away and fetched by IMAP and fetched by POP3, in clear and after STARTTLS/STLS."""

import imaplib
import poplib
import ssl
import subprocess
import time
from email.message import EmailMessage

NEEDS = "dovecot (server), Python's imaplib and poplib (clients)"

CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
protocols = imap pop3
listen = 127.20.3.2
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{certificate}
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = maildir:{folder}/mail/%u
first_valid_uid = 0
first_valid_gid = 0
passdb {{
  driver = static
  args = password=reed-bank-19
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={folder}/home/%u
}}
service imap-login {{
  inet_listener imap {{
    port = 1143
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = 1110
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
"""


def mail(text):
    message = EmailMessage()
    message["From"] = "Ann <ann@post.example>"
    message["To"] = "bob@post.example"
    message["Subject"] = "Überflug am Abend"
    message.set_content(text)
    return message.as_bytes()


def play(stage):
    folder = stage.folder
    folder.chmod(0o755)
    for name in ("mail", "home"):
        (folder / name).mkdir()
        (folder / name).chmod(0o777)
    config = folder / "dovecot.conf"
    certificate = stage.authority.issue("post.example")
    config.write_text(CONFIG.format(folder=folder, certificate=certificate))
    server = subprocess.Popen(["dovecot", "-F", "-c", str(config)])
    time.sleep(2)
    context = ssl.create_default_context(cafile=stage.authority.path)
    context.check_hostname = False
    context.keylog_filename = str(stage.key_log)
    try:
        for upgrade, user, text in (
            (False, "clear", "The heron lands at dusk.\r\n"),
            (True, "sealed", "The bittern booms before dawn.\r\n"),
        ):
            client = imaplib.IMAP4("127.20.3.2", 1143)
            if upgrade:
                client.starttls(context)
            client.login(user, "reed-bank-19")
            client.append("INBOX", None, None, mail(text))
            client.append("INBOX", None, None, mail(text.replace("The ", "A ")))
            client.select()
            client.fetch("1:2", "(BODY[])")
            client.search(None, "TEXT", '"heron"')
            client.logout()
            pop = poplib.POP3("127.20.3.2", 1110)
            pop.capa()
            if upgrade:
                pop.stls(context)
            pop.user(user)
            pop.pass_("reed-bank-19")
            pop.list()
            pop.retr(1)
            pop.top(2, 5)
            pop.quit()
    finally:
        server.terminate()
        server.wait()
