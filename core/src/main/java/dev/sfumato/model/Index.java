package dev.sfumato.model;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Tensor;

/** Numbers that choose a row of a table. */
final class Index {
  private Index() {}

  /**
   * Checks indices on the CPU. Those on a card were checked before they were sent there: reading
   * them back would wait for it.
   *
   * @throws SfumatoException naming the first of {@code indices} that is not 0 to {@code count - 1}
   */
  static void require(Tensor indices, long count, String what, String key) {
    if (!indices.device().isCpu()) {
      return;
    }
    for (long index : indices.toLongs()) {
      if (index < 0 || index >= count) {
        throw new SfumatoException(
            what + " " + index + " is out of range: " + key + " allows 0 to " + (count - 1));
      }
    }
  }
}
