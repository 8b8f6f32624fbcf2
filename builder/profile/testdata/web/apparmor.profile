# AppArmor profile of registry.example.com/team/web:2. Load it with: apparmor_parser --replace apparmor.profile
profile slim-web flags=(attach_disconnected,mediate_deleted) {

  # network
  unix,
  network inet,
  network inet6,
  network netlink raw,
  network unix,
  deny network alg,
  deny network packet,
  deny network inet raw,
  deny network inet6 raw,

  # the image: data by directory, libraries, programs
  "/etc/private/{,*}" r,
  "/etc/{,*}" r,
  "/run/{,*}" r,
  "/usr/lib/{,*}" r,
  "/usr/sbin/{,*}" r,
  "/var/log/web/{,*}" r,
  "/usr/lib/*.{node,so,so.*}" mr,
  "/usr/sbin/web" mrix,

  # written
  "/run/{,**}" rwkl,
  "/tmp/{,**}" rwkl,
  "/var/cache/web/{,**}" rwkl,
  "/var/log/web/{,**}" rwkl,

  # the container's own files
  / r,
  /{dev,etc,run,var,var/run}/ r,
  /dev/{full,null,random,tty,urandom,zero} rw,
  /dev/{console,fd/*,mqueue/*,ptmx,pts/*,stderr,stdin,stdout,termination-log} rw,
  /dev/shm/{,**} rwk,
  /etc/{hostname,hosts,resolv.conf} r,
  /{,var/}run/secrets/{,**} r,
  /proc/{,**} r,
  owner /proc/[0-9]*/{,task/[0-9]*/}{comm,coredump_filter,oom_score_adj,timerslack_ns} w,
  owner /proc/[0-9]*/fd/* rw,
  /sys/{,**} r,

  # signals and tracing: by the runtime and among its own processes
  signal (receive) peer=unconfined,
  signal (receive) peer=runc,
  signal (receive) peer=crun,
  signal (send,receive) peer=slim-web,
  ptrace (read,readby) peer=slim-web,

  # never
  deny mount,
  deny remount,
  deny umount,
  deny pivot_root,
  deny /proc/{kcore,kmem,mem,sysrq-trigger} rwklx,
  deny /proc/sys/** wklx,
  deny /proc/* w,
  deny /sys/** wklx,
  deny /sys/{firmware,kernel/security}/** rwklx,
}
