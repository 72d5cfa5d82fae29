package retune.steps.evaluation;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import retune.core.data.Hashing;

/**
 * Numbers keys from 0 in the order of their arrival. In place of each key it keeps 64 bits of the
 * key's SHA-256, in 16 to 32 bytes a key: a hash map of the texts takes about ten times that. Two
 * of 2 million keys have equal bits with a probability of 1 in 9 million.
 */
final class KeyNumbers {
  /** The key is not there, or was there before. */
  static final int NONE = -1;

  private final MessageDigest digest = Hashing.sha256();
  private long[] hashes = new long[1 << 10];

  /** An open hash table of numbers plus one, at most half full; 0 is free. */
  private int[] slots = new int[1 << 11];

  private int size;

  int size() {
    return size;
  }

  /** Adds a key: its number, or {@link #NONE} if it is there already. */
  int add(String key) {
    long hash = hash(key);
    int slot = slot(hash);
    if (slots[slot] != 0) {
      return NONE;
    }
    if (size == hashes.length) {
      grow();
      slot = slot(hash);
    }
    hashes[size] = hash;
    slots[slot] = ++size;
    return size - 1;
  }

  /** The number of a key, or {@link #NONE}. */
  int find(String key) {
    return slots[slot(hash(key))] - 1;
  }

  private long hash(String key) {
    return ByteBuffer.wrap(digest.digest(key.getBytes(StandardCharsets.UTF_8))).getLong();
  }

  /** Where a hash is, or the free slot where it belongs. */
  private int slot(long hash) {
    int slot = (int) hash & (slots.length - 1);
    while (slots[slot] != 0 && hashes[slots[slot] - 1] != hash) {
      slot = (slot + 1) & (slots.length - 1);
    }
    return slot;
  }

  private void grow() {
    hashes = Arrays.copyOf(hashes, 2 * size);
    slots = new int[4 * size];
    for (int number = 0; number < size; number++) {
      slots[slot(hashes[number])] = number + 1;
    }
  }
}
