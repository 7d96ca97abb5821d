"""Calls that nobody signed, and traces: eth_call and its like, debug_trace*.

call_params.py  the call object and the overrides     trace_params.py  how a trace is to be told
question.py     where a call is asked, and how what it raises is told
eth_call.py     eth_call, eth_estimateGas, eth_createAccessList        debug.py  debug_trace*
"""
