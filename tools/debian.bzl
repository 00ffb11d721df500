"""Debian's source packages in repository rules, without root: see apt-private.sh."""

def debian_source(ctx, apt_private, package, suite):
    """Fetches upstream's archive of a Debian source package.

    Args:
      ctx: of the repository rule; the directories apt and archive in the repository are for this function
      apt_private: label of apt-private.sh
      package: name of the source package
      suite: the Debian release that has it

    Returns:
      The archive's path, or None; and what was wrong.
    """
    ctx.report_progress("Fetching Debian's source package %s (%s)" % (package, suite))
    result = ctx.execute(["bash", "-c", """
set -euo pipefail
. "$1"
mkdir apt archive
apt_private_setup apt "$2" deb-src
cd archive
apt_private_get ../apt source --tar-only --download-only "$3"
""", "bash", ctx.path(apt_private), suite, package], timeout = 600)
    ctx.delete("apt")
    if result.return_code:
        return None, (result.stderr or result.stdout).strip() or "no answer in 600 s"
    archives = [f for f in ctx.path("archive").readdir() if ".orig.tar." in f.basename]
    if len(archives) != 1:
        return None, "apt-get left %d upstream archives, not one" % len(archives)
    return archives[0], ""
