"""The PBX bench: a real Asterisk 22, real SIP phones (SIPp), and witnesses that share no code with the product.

A test tells a story and asks the witnesses::

    async def test_a_caller_is_answered(pbx: Pbx) -> None:
        story = Story(pbx)
        story.agent("1001", rings=3.0)
        story.caller("02160000001", calls="support", hangs_up_after=8.0)

        seen = await story.play()

        assert seen.rings_of("1001")[0].alerting_seconds == pytest.approx(3.0, abs=0.1)
        assert true_visits(seen)[0].outcome == "answered"

To judge the product, let it listen to `pbx.host`:`pbx.ami_port` as `pbx.username` / `pbx.secret` with `pbx.queue_log`
before the story is played; afterwards `compare(exported_calls, seen)` says what differs and how exact its times are.

========================  =============================================================================================
`install.ready()`         Asterisk in a cached chroot; half a minute the first time, then nothing
`asterisk.Pbx`            one running Asterisk: `cli`, `action`, `redirect`, `withdraw`, `park`, `stop`, `kill`, `start`
`plan`                    names for numbers: `support`, `support/brief`, `phone:1001`, `two-at-once`, …
`story.Story`             who serves, who calls, what happens meanwhile; `await play()` gives `Witnessed`
`sip_scripts`, `phones`   SIPp scenarios written out, SIPp processes
`trace`, `queue_log`      what SIPp saw, in microseconds; what Asterisk wrote, in seconds
`checker`                 `true_visits(seen)`, `compare(exported, seen)`
`crowd.Crowd`             hundreds of callers of one kind from one SIPp process; they may vanish without a BYE
`heard.Heard`             what the dialplan says by UserEvent: `Asked`, `Ran`, `Landed`
`load.load(pbx)`          600 mixed calls at 20 per second
`catalogue`, `record`     every way in which a call may end; `python -m tests.pbx.record` writes tests/replay/NAME/
`line.Line`               an AMI line between product and PBX that can be cut
`recorder.Recorder`       what AMI says to the product's login, byte for byte
========================  =============================================================================================

The configuration is docker/asterisk, the very files that a user installs, plus etc/ here. Several `Pbx` run side by
side, each on a block of loopback addresses of its own: `127.X.0.1` the PBX, `.0.2` callers, `.0.3` the outside world,
`.1.N` phone 10NN. Nothing survives a run: mounts live in the Asterisk process' own namespace, files in one temporary
folder.
Never import `telephony` or `handlers` here: the witness must not make the same mistake twice.
"""
