#!/usr/bin/env python3
"""Has a certificate signed for each unit, and says whose it is when it fits the unit's key."""

from charmlibs.interfaces.tls_certificates import CertificateRequestAttributes, TLSCertificatesRequiresV4

import ops


class Signed(ops.CharmBase):
    def __init__(self, framework):
        super().__init__(framework)
        self.request = CertificateRequestAttributes(
            common_name=f"{self.unit.name.replace('/', '-')}.example", sans_dns=["example"]
        )
        self.certificates = TLSCertificatesRequiresV4(self, "certificates", [self.request])
        framework.observe(self.certificates.on.certificate_available, self._available)
        framework.observe(self.on.start, self._started)
        framework.observe(self.on.renew_action, self._renew)

    def _started(self, _):
        self.unit.status = ops.WaitingStatus("for a certificate")

    def _available(self, event):
        found, key = self.certificates.get_assigned_certificate(self.request)
        if found is None or not found.certificate.matches_private_key(key):
            self.unit.status = ops.BlockedStatus("the certificate does not fit the key")
            return
        by = event.ca.common_name
        self.unit.status = ops.ActiveStatus(f"{found.certificate.common_name}, signed by {by}")

    def _renew(self, event):
        before = self.certificates.get_private_key_secret_id()
        self.certificates.regenerate_private_key()
        event.set_results({"before": before, "secret": self.certificates.get_private_key_secret_id()})


if __name__ == "__main__":
    ops.main(Signed)
