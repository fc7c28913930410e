/*
 * Resume and tail loss: one stream, one session of one client, connections that are cut, overlap and lose frames.
 *
 * Whatever happens, when nothing moves any more the client has processed every event once, in order, and the server holds
 * one connection for it. Each of these leaves a mechanism out, and spin finds how that goes wrong:
 *
 *   REPLAY_THEN_SUBSCRIBE   reads the log first and subscribes after it
 *   NO_DEDUPE               the client takes what comes
 *   NO_PULL                 the client does not ask for what it has missed
 *   NO_FENCE                the connection before stays when the session has another
 *   NO_POSITIONS            the server never tells where the stream stands
 */
#define N 3          /* events that are appended */
#define CONNECTIONS 3
#define CUTS 1
#define LOSSES 1
#define OVERLAPS 1

mtype = { events, position, pull };

byte top;                     /* the log holds 1..top */
byte last;                    /* what the client has processed */
byte processed[N + 1];

byte connections;             /* made so far */
bool isOpen[CONNECTIONS];
bool isSubscribed[CONNECTIONS];
byte known[CONNECTIONS];      /* the highest offset that a feed was told of */
byte sent[CONNECTIONS];
byte told[CONNECTIONS];       /* the position that the client was told last */
bool isPulling[CONNECTIONS];
chan down[CONNECTIONS] = [2] of { mtype, byte };
chan up[CONNECTIONS] = [1] of { mtype, byte };

byte cuts, losses, overlaps;

inline drain(c) {
  do
  :: down[c]?_, _
  :: up[c]?_, _
  :: empty(down[c]) && empty(up[c]) -> break
  od
}

inline close(c) {
  isOpen[c] = false;
  isSubscribed[c] = false;
  isPulling[c] = false;
  drain(c)
}

/* The server's side of one connection; `cursor` came with its hello. */
proctype Feed(byte c; byte cursor) {
  byte since, other;
#ifdef REPLAY_THEN_SUBSCRIBE
  atomic { isOpen[c] -> sent[c] = cursor; known[c] = top }
  do
  :: atomic { isOpen[c] && sent[c] < known[c] && nfull(down[c]) -> sent[c]++; down[c]!events(sent[c]) }
  :: sent[c] == known[c] || !isOpen[c] -> break
  od;
  atomic { if :: isOpen[c] -> isSubscribed[c] = true :: else fi };
#else
  atomic { isOpen[c] -> sent[c] = cursor; isSubscribed[c] = true };
  atomic { if :: isOpen[c] -> known[c] = top :: else fi };
#endif
#ifndef NO_FENCE
  atomic {
    other = 0;
    do
    :: other < c -> if :: isOpen[c] && isOpen[other] -> close(other) :: else fi; other++
    :: other >= c -> break
    od
  };
#endif
  do
  :: atomic { isOpen[c] && sent[c] < known[c] && nfull(down[c]) -> sent[c]++; down[c]!events(sent[c]) }
  :: atomic { isOpen[c] && up[c]?[pull, since] -> up[c]?pull, since; if :: since < sent[c] -> sent[c] = since; told[c] = 0 :: else fi }
#ifndef NO_POSITIONS
  :: atomic { isOpen[c] && sent[c] == known[c] && told[c] != sent[c] && nfull(down[c]) -> told[c] = sent[c]; down[c]!position(sent[c]) }
#endif
  :: !isOpen[c] -> break
  od
}

active proctype Producer() {
  byte c;
  do
  :: top < N -> atomic {
       top++;
       c = 0;
       do
       :: c < CONNECTIONS -> if :: isSubscribed[c] -> known[c] = top :: else fi; c++
       :: c >= CONNECTIONS -> break
       od
     }
  :: top == N -> break
  od
}

inline connect() {
  isOpen[connections] = true;
  run Feed(connections, last);
  connections++
}

inline take(c, offset) {
  if
#ifdef NO_DEDUPE
  :: offset <= last -> processed[offset]++
#else
  :: offset <= last -> skip
#endif
  :: offset == last + 1 -> last = offset; processed[offset]++; isPulling[c] = false
  :: offset > last + 1 -> ask(c)
  fi
}

inline ask(c) {
#ifdef NO_PULL
  skip
#else
  if
  :: !isPulling[c] && len(up[c]) == 0 -> isPulling[c] = true; up[c]!pull(last)
  :: else
  fi
#endif
}

active proctype Client() {
  byte offset;
  atomic { connect() };
  do
  :: atomic { isOpen[0] && down[0]?[events, offset] -> down[0]?events, offset; take(0, offset); offset = 0 }
  :: atomic { isOpen[1] && down[1]?[events, offset] -> down[1]?events, offset; take(1, offset); offset = 0 }
  :: atomic { isOpen[2] && down[2]?[events, offset] -> down[2]?events, offset; take(2, offset); offset = 0 }
  :: atomic { isOpen[0] && down[0]?[position, offset] -> down[0]?position, offset; isPulling[0] = false; if :: offset > last -> ask(0) :: else fi; offset = 0 }
  :: atomic { isOpen[1] && down[1]?[position, offset] -> down[1]?position, offset; isPulling[1] = false; if :: offset > last -> ask(1) :: else fi; offset = 0 }
  :: atomic { isOpen[2] && down[2]?[position, offset] -> down[2]?position, offset; isPulling[2] = false; if :: offset > last -> ask(2) :: else fi; offset = 0 }
  /* make before break: another connection of the same session, while the one before is open */
  :: atomic { overlaps < OVERLAPS && connections < CONNECTIONS && isOpen[connections - 1] -> overlaps++; connect() }
  /* cut, and back with the cursor */
  :: atomic { connections < CONNECTIONS && !isOpen[connections - 1] -> connect() }
  od
}

active proctype Network() {
  byte c;
  connections > 0;
  do
  :: atomic { cuts < CUTS && isOpen[connections - 1] -> cuts++; c = connections - 1; close(c) }
  /* A frame that is gone without a trace */
  :: atomic { losses < LOSSES && nempty(down[connections - 1]) -> losses++; c = connections - 1; down[c]?_, _ }
  :: break
  od
}

/* When nothing moves any more. */
active proctype Rest() {
  byte offset, c, open;
  timeout -> atomic {
    assert(top == N && last == N);
    offset = 1;
    do
    :: offset <= N -> assert(processed[offset] == 1); offset++
    :: offset > N -> break
    od;
    c = 0;
    do
    :: c < CONNECTIONS -> if :: isOpen[c] -> open++ :: else fi; c++
    :: c >= CONNECTIONS -> break
    od;
    assert(open == 1)
  }
}
