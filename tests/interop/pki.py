# SPDX-License-Identifier: Apache-2.0
"""Keys and certificates on disk, made by the openssl program; each as PEM for foreign programs and as DER for ours."""
import subprocess

CONFIGURATION = """
[ca]
default_ca = own
[own]
database = {folder}/index.txt
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = none
[none]
"""


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)


class Pki:
    """In a folder: NAME.key and NAME.pem, NAME.key.der and NAME.der, and NAME.pub and NAME.pub.der of the raw public key."""

    def __init__(self, folder):
        self.folder = folder
        self.configuration = folder / "openssl.cnf"
        self.configuration.write_text(CONFIGURATION.format(folder=folder))
        (folder / "index.txt").touch()

    def path(self, name, ending):
        return self.folder / f"{name}.{ending}"

    def key(self, name):
        key = self.path(name, "key")
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
        openssl("pkey", "-in", key, "-outform", "DER", "-out", self.path(name, "key.der"))
        openssl("pkey", "-in", key, "-pubout", "-out", self.path(name, "pub"))
        openssl("pkey", "-in", key, "-pubout", "-outform", "DER", "-out", self.path(name, "pub.der"))

    def certificate(self, name, common_name, issuer=None, names="", years=(2020, 2049)):
        """Valid from the first to the second year; signed by itself without an issuer, and then good to sign others."""
        self.key(name)
        request, extensions = self.path(name, "csr"), self.path(name, "ext")
        extensions.write_text(("basicConstraints=critical,CA:TRUE\n" if issuer is None else "basicConstraints=CA:FALSE\n") +
                              (f"subjectAltName={names}\n" if names else ""))
        openssl("req", "-new", "-config", self.configuration, "-key", self.path(name, "key"), "-subj", f"/CN={common_name}", "-out", request)
        signer = ("-selfsign", "-keyfile", self.path(name, "key")) if issuer is None else (
            "-cert", self.path(issuer, "pem"), "-keyfile", self.path(issuer, "key"))
        openssl("ca", "-batch", "-notext", "-config", self.configuration, *signer, "-in", request, "-extfile", extensions,
                "-startdate", f"{years[0]}0101000000Z", "-enddate", f"{years[1]}0101000000Z", "-out", self.path(name, "pem"))
        openssl("x509", "-in", self.path(name, "pem"), "-outform", "DER", "-out", self.path(name, "der"))


def make(folder):
    """What the tests need: a root, a server and a device below it, and what must be refused."""
    pki = Pki(folder)
    pki.certificate("root", "root")
    pki.certificate("server", "server.example", "root", "DNS:server.example,IP:127.0.0.1")
    pki.certificate("device", "sensor-1", "root", "URI:urn:dev:os:1")
    pki.certificate("foreign-root", "root")
    pki.certificate("foreign", "sensor-1", "foreign-root")
    pki.certificate("foreign-server", "server.example", "foreign-root", "DNS:server.example")
    pki.certificate("alone", "sensor-1")
    pki.certificate("expired", "sensor-1", "root", years=(2019, 2020))
    pki.certificate("expired-server", "server.example", "root", "DNS:server.example", years=(2019, 2020))
    pki.certificate("early", "sensor-1", "root", years=(2048, 2049))
    for name in ("raw-server", "raw-device", "raw-stranger"):
        pki.key(name)
    return pki
