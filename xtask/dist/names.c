/* Linked into the static program. glibc loads what a machine's nsswitch.conf names (mdns4_minimal, resolve, systemd) from that machine,
   with that machine's glibc, into a program that has another one: that crashes (SIGFPE with glibc 2.41 beside 2.36). What is linked in
   knows files and DNS, which is what static programs of Go and musl ask as well. */
#include <nss.h>

__attribute__((constructor)) static void ask_files_and_dns(void)
{
    __nss_configure_lookup("hosts", "files dns");
    __nss_configure_lookup("passwd", "files");
    __nss_configure_lookup("group", "files");
}
