#!/usr/bin/env python3
"""Signs each request for a certificate; its own key and certificate are a secret of the application."""

from datetime import timedelta

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateRequestAttributes,
    PrivateKey,
    ProviderCertificate,
    TLSCertificatesProvidesV4,
)

import ops


class Signer(ops.CharmBase):
    def __init__(self, framework):
        super().__init__(framework)
        self.certificates = TLSCertificatesProvidesV4(self, "certificates")
        framework.observe(self.on.start, self._sign)
        framework.observe(self.on["certificates"].relation_changed, self._sign)

    def _authority(self):
        try:
            content = self.model.get_secret(label="authority").get_content(refresh=True)
        except ops.SecretNotFoundError:
            key = PrivateKey.generate()
            who = CertificateRequestAttributes(common_name="signer", is_ca=True)
            certificate = Certificate.generate_self_signed_ca(who, key, timedelta(days=365))
            content = {"key": str(key), "certificate": str(certificate)}
            self.app.add_secret(content, label="authority")
        return PrivateKey(content["key"]), Certificate(content["certificate"])

    def _sign(self, _):
        if not self.unit.is_leader():
            self.unit.status = ops.ActiveStatus("does not lead")
            return
        key, authority = self._authority()
        for request in self.certificates.get_outstanding_certificate_requests():
            csr = request.certificate_signing_request
            signed = Certificate.generate(csr, authority, key, timedelta(days=30))
            self.certificates.set_relation_certificate(
                ProviderCertificate(request.relation_id, signed, csr, authority, [signed, authority])
            )
        self.unit.status = ops.ActiveStatus(f"signed {len(self.certificates.get_issued_certificates())}")


if __name__ == "__main__":
    ops.main(Signer)
