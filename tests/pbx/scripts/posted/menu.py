"""A little IVR: 1 goes to support, 2 to sales, everything else is asked again."""

MENU = {'1': 'support', '2': 'sales'}


def menu(agi):
    agi.answer()
    for attempt in range(2):
        key = agi.stream_file('demo-instruct', [1, 2, 3])
        if not key:
            key = agi.wait_for_digit(1000)
        if key == '1':
            agi.appexec('UserEvent', 'Menu,Choice: %s' % MENU[key])
            agi.appexec('Queue', '%s,c,,,20' % MENU[key])
            agi.set_variable('SAYS', 'queue was %s' % agi.get_variable('QUEUESTATUS'))
            return
        if key == '2':
            agi.appexec('UserEvent', 'Menu,Choice: %s' % MENU[key])
            agi.goto_on_exit('landing', MENU[key], '1')
            return
        agi.exec_command('Playback', 'beeperr')
    agi.exec_command('Playback', 'beep')
    agi.hangup()
