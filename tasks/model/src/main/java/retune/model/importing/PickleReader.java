package retune.model.importing;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads a pickle as data. This is Python's stack machine (protocols 2 to 5, as defined by CPython's
 * pickletools.py), restricted to the instructions that plain containers and tensors need. An
 * instruction that would import or call something passes only the name to {@link Names}, which
 * knows the few names that stand for data and refuses all others. A stated length is never trusted
 * beyond the end of the pickle.
 */
final class PickleReader {
  /** What names stand for. A method throws a {@link RefusedException} for what it refuses. */
  interface Names {
    /** The value for a name {@code module.name} in the pickle. */
    PickleValue.Global global(String name);

    /** The value that a call of the name with the arguments stands for. */
    PickleValue call(PickleValue.Global function, List<PickleValue> arguments);

    /** The value that a new instance of the class stands for. */
    PickleValue instance(PickleValue.Global type);

    /** The value that a persistent id stands for. */
    PickleValue persistent(PickleValue id);
  }

  private static final int MARK = '(';
  private static final int STOP = '.';
  private static final int POP = '0';
  private static final int NONE = 'N';
  private static final int NEW_TRUE = 0x88;
  private static final int NEW_FALSE = 0x89;
  private static final int BIN_INT = 'J';
  private static final int BIN_INT_1 = 'K';
  private static final int BIN_INT_2 = 'M';
  private static final int LONG_1 = 0x8a;
  private static final int BIN_FLOAT = 'G';
  private static final int BIN_UNICODE = 'X';
  private static final int SHORT_BIN_UNICODE = 0x8c;
  private static final int EMPTY_LIST = ']';
  private static final int APPEND = 'a';
  private static final int APPENDS = 'e';
  private static final int EMPTY_TUPLE = ')';
  private static final int TUPLE = 't';
  private static final int TUPLE_1 = 0x85;
  private static final int TUPLE_2 = 0x86;
  private static final int TUPLE_3 = 0x87;
  private static final int EMPTY_DICT = '}';
  private static final int SET_ITEM = 's';
  private static final int SET_ITEMS = 'u';
  private static final int BIN_GET = 'h';
  private static final int LONG_BIN_GET = 'j';
  private static final int BIN_PUT = 'q';
  private static final int LONG_BIN_PUT = 'r';
  private static final int MEMOIZE = 0x94;
  private static final int GLOBAL = 'c';
  private static final int STACK_GLOBAL = 0x93;
  private static final int REDUCE = 'R';
  private static final int NEW_OBJECT = 0x81;
  private static final int BUILD = 'b';
  private static final int BIN_PERSISTENT_ID = 'Q';
  private static final int PROTOCOL = 0x80;
  private static final int FRAME = 0x95;

  private static final int LATEST_PROTOCOL = 5;

  private final ByteBuffer pickle;
  private final Names names;
  private final List<PickleValue> stack = new ArrayList<>();
  private final Deque<Integer> marks = new ArrayDeque<>();
  private final Map<Integer, PickleValue> memo = new HashMap<>();

  private PickleReader(byte[] pickle, Names names) {
    this.pickle = ByteBuffer.wrap(pickle).order(ByteOrder.LITTLE_ENDIAN);
    this.names = names;
  }

  /**
   * The value that the pickle holds.
   *
   * @throws RefusedException if the pickle is incomplete or malformed, or uses an instruction or
   *     name that is not allowed
   */
  static PickleValue read(byte[] pickle, Names names) {
    try {
      return new PickleReader(pickle, names).run();
    } catch (BufferUnderflowException e) {
      throw new RefusedException("has a pickle that ends in the middle", e);
    }
  }

  private PickleValue run() {
    while (true) {
      int instruction = unsignedByte();
      switch (instruction) {
        case STOP -> {
          return pop();
        }
        case PROTOCOL -> checkProtocol(unsignedByte());
        case FRAME -> pickle.getLong();
        case MARK -> marks.push(stack.size());
        case POP -> pop();
        case NONE -> push(new PickleValue.None());
        case NEW_TRUE -> push(new PickleValue.Truth(true));
        case NEW_FALSE -> push(new PickleValue.Truth(false));
        case BIN_INT -> push(new PickleValue.Whole(pickle.getInt()));
        case BIN_INT_1 -> push(new PickleValue.Whole(unsignedByte()));
        case BIN_INT_2 -> push(new PickleValue.Whole(Short.toUnsignedInt(pickle.getShort())));
        case LONG_1 -> push(new PickleValue.Whole(longInteger()));
        case BIN_FLOAT -> push(new PickleValue.Real(bigEndianDouble()));
        case BIN_UNICODE -> push(new PickleValue.Text(text(pickle.getInt())));
        case SHORT_BIN_UNICODE -> push(new PickleValue.Text(text(unsignedByte())));
        case EMPTY_LIST -> push(new PickleValue.Sequence(new ArrayList<>()));
        case APPEND -> append(List.of(pop()));
        case APPENDS -> append(popToMark());
        case EMPTY_TUPLE -> push(new PickleValue.Tuple(List.of()));
        case TUPLE -> push(new PickleValue.Tuple(popToMark()));
        case TUPLE_1 -> push(new PickleValue.Tuple(popLast(1)));
        case TUPLE_2 -> push(new PickleValue.Tuple(popLast(2)));
        case TUPLE_3 -> push(new PickleValue.Tuple(popLast(3)));
        case EMPTY_DICT -> push(new PickleValue.Dictionary());
        case SET_ITEM -> setItems(popLast(2));
        case SET_ITEMS -> setItems(popToMark());
        case BIN_GET -> push(recall(unsignedByte()));
        case LONG_BIN_GET -> push(recall(pickle.getInt()));
        case BIN_PUT -> memo.put(unsignedByte(), top());
        case LONG_BIN_PUT -> memo.put(pickle.getInt(), top());
        case MEMOIZE -> memo.put(memo.size(), top());
        case GLOBAL -> push(names.global(line() + "." + line()));
        case STACK_GLOBAL -> push(stackGlobal());
        case REDUCE -> push(reduce());
        case NEW_OBJECT -> push(newObject());
        case BUILD -> build();
        case BIN_PERSISTENT_ID -> push(names.persistent(pop()));
        default -> throw refusedInstruction(instruction);
      }
    }
  }

  private PickleValue.Global stackGlobal() {
    List<PickleValue> name = popLast(2);
    if (name.getFirst() instanceof PickleValue.Text(String module)
        && name.getLast() instanceof PickleValue.Text(String type)) {
      return names.global(module + "." + type);
    }
    throw malformed("names a class by something other than text");
  }

  private PickleValue reduce() {
    List<PickleValue> call = popLast(2);
    if (call.getFirst() instanceof PickleValue.Global function
        && call.getLast() instanceof PickleValue.Tuple(List<PickleValue> arguments)) {
      return names.call(function, arguments);
    }
    throw malformed("calls something that is not a name, or with arguments that are not a tuple");
  }

  private PickleValue newObject() {
    List<PickleValue> call = popLast(2);
    if (call.getFirst() instanceof PickleValue.Global type
        && call.getLast() instanceof PickleValue.Tuple(List<PickleValue> arguments)
        && arguments.isEmpty()) {
      return names.instance(type);
    }
    throw malformed("makes an instance of something that is not a name, or with arguments");
  }

  /**
   * Sets the attributes of a module. Those of an OrderedDict (its {@code _metadata}) hold no data
   * and are ignored.
   */
  private void build() {
    PickleValue state = pop();
    PickleValue object = top();
    if (!(state instanceof PickleValue.Dictionary(Map<PickleValue, PickleValue> entries))) {
      throw malformed("sets an object's state to something other than a dictionary");
    }
    switch (object) {
      case PickleValue.Dictionary dictionary -> {}
      case PickleValue.ScriptModule(Map<String, PickleValue> attributes) ->
          entries.forEach(
              (name, value) -> {
                if (!(name instanceof PickleValue.Text(String text))) {
                  throw malformed("has a module with an attribute whose name is not text");
                }
                attributes.put(text, value);
              });
      default -> throw malformed("sets the state of something that has none");
    }
  }

  private void append(List<PickleValue> items) {
    if (!(top() instanceof PickleValue.Sequence(List<PickleValue> list))) {
      throw malformed("appends to something that is not a list");
    }
    list.addAll(items);
  }

  private void setItems(List<PickleValue> keysAndValues) {
    if (!(top() instanceof PickleValue.Dictionary(Map<PickleValue, PickleValue> entries))
        || keysAndValues.size() % 2 != 0) {
      throw malformed("sets an item of something that is not a dictionary");
    }
    for (int i = 0; i < keysAndValues.size(); i += 2) {
      PickleValue key = keysAndValues.get(i);
      if (!(key instanceof PickleValue.Text || key instanceof PickleValue.Whole)) {
        throw malformed("has a dictionary whose key is neither text nor a whole number");
      }
      entries.put(key, keysAndValues.get(i + 1));
    }
  }

  private PickleValue recall(int index) {
    PickleValue value = memo.get(index);
    if (value == null) {
      throw malformed("refers to a value that it does not have");
    }
    return value;
  }

  private void push(PickleValue value) {
    stack.add(value);
  }

  private PickleValue pop() {
    return popLast(1).getFirst();
  }

  private PickleValue top() {
    requireOnStack(1);
    return stack.getLast();
  }

  private List<PickleValue> popToMark() {
    if (marks.isEmpty()) {
      throw malformed("closes a list that it never opened");
    }
    return remove(marks.pop());
  }

  private List<PickleValue> popLast(int count) {
    requireOnStack(count);
    return remove(stack.size() - count);
  }

  private List<PickleValue> remove(int from) {
    List<PickleValue> tail = stack.subList(from, stack.size());
    List<PickleValue> removed = List.copyOf(tail);
    tail.clear();
    return removed;
  }

  private void requireOnStack(int count) {
    int bottom = marks.isEmpty() ? 0 : marks.element();
    if (stack.size() - bottom < count) {
      throw malformed("takes more values than it has given");
    }
  }

  private int unsignedByte() {
    return Byte.toUnsignedInt(pickle.get());
  }

  /** Reads a little-endian two's complement number of up to eight bytes. */
  private long longInteger() {
    int length = unsignedByte();
    if (length > Long.BYTES) {
      throw malformed("holds a whole number of " + length + " bytes");
    }
    long value = 0;
    for (int i = 0; i < length; i++) {
      long part = i == length - 1 ? pickle.get() : unsignedByte();
      value |= part << (Byte.SIZE * i);
    }
    return value;
  }

  private double bigEndianDouble() {
    return Double.longBitsToDouble(Long.reverseBytes(pickle.getLong()));
  }

  private String text(int length) {
    if (length < 0 || length > pickle.remaining()) {
      throw new BufferUnderflowException();
    }
    byte[] bytes = new byte[length];
    pickle.get(bytes);
    return new String(bytes, UTF_8);
  }

  private String line() {
    int start = pickle.position();
    while (pickle.get() != '\n') {}
    return new String(pickle.array(), start, pickle.position() - 1 - start, UTF_8);
  }

  private static void checkProtocol(int protocol) {
    if (protocol > LATEST_PROTOCOL) {
      throw malformed("has the unknown protocol " + protocol);
    }
  }

  private static RefusedException refusedInstruction(int instruction) {
    return malformed(
        "uses "
            + switch (instruction) {
              case 'i' -> "the instruction INST, which calls code";
              case 'o' -> "the instruction OBJ, which calls code";
              case 0x92 -> "the instruction NEWOBJ_EX, which calls code";
              case 0x82, 0x83, 0x84 -> "an instruction EXT, which imports code";
              case 'P' -> "the instruction PERSID, which PyTorch's archives do not have";
              default ->
                  "the instruction 0x%02x, which model files do not need".formatted(instruction);
            });
  }

  private static RefusedException malformed(String what) {
    return new RefusedException("has a pickle that " + what);
  }
}
