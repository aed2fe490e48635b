package dev.sfumato.tensor;

import dev.sfumato.SfumatoException;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.zip.CRC32;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.GlooDeviceVector;
import org.bytedeco.pytorch.ProcessGroupGloo;
import org.bytedeco.pytorch.StringVector;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.Work;
import org.bytedeco.pytorch.global.torch;

/**
 * Processes, on one machine or several, that compute together (the engine's Gloo backend):
 *
 * <pre>{@code
 * try (ProcessGroup processes = ProcessGroup.join(rendezvous, lost -> end(lost))) {
 *   processes.broadcast_(weights);
 *   ...
 *   processes.sum_(gradients);
 * }
 * }</pre>
 *
 * <p>All processes must call the same methods in the same order; each call waits for the others.
 * Tensors on a card travel through the host's memory. In a group of one, every call does nothing.
 */
public final class ProcessGroup implements AutoCloseable {
  /** The longest wait for processes that start late. */
  private static final Duration JOIN = Duration.ofMinutes(5);

  /**
   * The longest wait in a call: one process may draw samples while the others wait, and {@link
   * Heartbeat} finds lost processes.
   */
  private static final Duration CALL = Duration.ofDays(1);

  private static final long BUCKET = 8 << 20; // numbers sent at once: 32 MB

  private final int rank;
  private final int size;
  // Null in a group of one:
  private StoreConnection store;
  private Heartbeat heartbeat;
  private ProcessGroupGloo gloo;

  private ProcessGroup(int rank, int size) {
    this.rank = rank;
    this.size = size;
  }

  /** Returns the group of this process alone. */
  public static ProcessGroup alone() {
    return new ProcessGroup(0, 1);
  }

  /**
   * Waits for the other processes and joins them.
   *
   * @param lost called, on its own thread, if another process gives no sign of life for half a
   *     minute. A call that waits for that process cannot be woken: end this process
   * @throws SfumatoException if they do not join within five minutes
   */
  public static ProcessGroup join(Rendezvous place, Consumer<SfumatoException> lost) {
    ProcessGroup group = new ProcessGroup(place.rank(), place.size());
    try {
      Engine.call(
          () -> {
            group.connect(place, lost);
            return group;
          });
      return group;
    } catch (SfumatoException e) {
      group.close();
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "rank %d of %d could not join the others at %s:%d: %s",
              place.rank(),
              place.size(),
              place.address(),
              place.port(),
              e.getMessage()),
          e);
    }
  }

  private void connect(Rendezvous place, Consumer<SfumatoException> lost) {
    torch.initLogging(); // makes TORCH_CPP_LOG_LEVEL count
    store = new StoreConnection(place, rank == 0 && !place.agentStore(), JOIN);
    try (Milliseconds join = new Milliseconds(JOIN.toMillis());
        Milliseconds call = new Milliseconds(CALL.toMillis());
        StringVector all =
            new StringVector(
                IntStream.range(0, size).mapToObj(r -> "joined/" + r).toArray(String[]::new));
        ProcessGroupGloo.Options options = ProcessGroupGloo.Options.create(join);
        GlooDeviceVector devices = new GlooDeviceVector(device(place))) {
      store.keys().add("joined/" + rank, 1);
      store.keys()._wait(all, join);
      heartbeat = new Heartbeat(rank, size, new StoreConnection(place, false, JOIN), lost);
      options.devices(devices);
      options.threads(1);
      gloo = new ProcessGroupGloo(store.keys(), rank, size, options);
      gloo.setTimeout(call);
    }
  }

  /**
   * Returns the network on which to listen: the one that leads to the store, unless the user names
   * another.
   */
  private static org.bytedeco.pytorch.gloo.Device device(Rendezvous place) {
    String network = System.getenv("GLOO_SOCKET_IFNAME");
    if (network != null) {
      return ProcessGroupGloo.createDeviceForInterface(network);
    }
    try (DatagramSocket socket = new DatagramSocket()) {
      socket.connect(new InetSocketAddress(place.address(), place.port())); // sends nothing
      return ProcessGroupGloo.createDeviceForHostname(socket.getLocalAddress().getHostAddress());
    } catch (SocketException e) {
      throw new SfumatoException(place.address() + " cannot be reached: " + e.getMessage(), e);
    }
  }

  /** Returns the number of this process, 0 to {@link #size} - 1. */
  public int rank() {
    return rank;
  }

  /** Returns the number of processes. */
  public int size() {
    return size;
  }

  /** Returns true if this is the process that writes files and tells the user. */
  public boolean isFirst() {
    return rank == 0;
  }

  // ---- together

  /**
   * Replaces each of the float32 {@code tensors} with its sum over all processes, the same bits on
   * each.
   *
   * @throws SfumatoException if a process has gone
   */
  public void sum_(List<Tensor> tensors) {
    inBuckets(tensors, gloo -> gloo::allreduce);
  }

  /** Replaces each of the float32 {@code tensors} with rank 0's. */
  public void broadcast_(List<Tensor> tensors) {
    inBuckets(tensors, gloo -> gloo::broadcast);
  }

  /** Returns the sum of a number over all processes. */
  public double sum(double value) {
    if (size == 1) {
      return value;
    }
    try (Scope scope = Scope.open()) {
      Tensor number = Tensor.zeros(1).to(DType.FLOAT64).add(value);
      await(number, gloo::allreduce);
      return number.item();
    }
  }

  /** Returns true if {@code said} is true on any process. */
  public boolean any(boolean said) {
    return sum(said ? 1 : 0) > 0;
  }

  /** Returns the text of rank 0; the others' texts are ignored. */
  public String broadcast(String text) {
    if (size == 1) {
      return text;
    }
    try (Scope scope = Scope.open()) {
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      Tensor length = Tensor.of(new long[] {bytes.length}, 1);
      await(length, gloo::broadcast);
      Tensor content =
          isFirst()
              ? Tensor.of(bytes, bytes.length)
              : Tensor.of(new byte[(int) length.item()], (long) length.item());
      await(content, gloo::broadcast);
      return new String(content.toBytes(), StandardCharsets.UTF_8);
    }
  }

  /**
   * Compares a text with that of rank 0.
   *
   * @throws SfumatoException on all processes, with {@code message}, if it differs on any
   */
  public void requireSame(String text, String message) {
    if (any(!broadcast(text).equals(text))) {
      throw new SfumatoException(message);
    }
  }

  /** Returns a number for comparing the elements of all {@code tensors}. */
  public static long checksum(Collection<Tensor> tensors) {
    CRC32 sum = new CRC32();
    tensors.forEach(t -> sum.update(t.toBytes()));
    return sum.getValue();
  }

  /** Waits until all processes have reached this call. */
  public void barrier() {
    sum(0);
  }

  private void inBuckets(
      List<Tensor> tensors, Function<ProcessGroupGloo, Function<TensorVector, Work>> operation) {
    if (size == 1) {
      return;
    }
    List<Tensor> bucket = new ArrayList<>();
    long length = 0;
    for (Tensor tensor : tensors) {
      bucket.add(tensor);
      length += tensor.numel();
      if (length >= BUCKET) {
        asOne(bucket, operation.apply(gloo));
        bucket.clear();
        length = 0;
      }
    }
    if (!bucket.isEmpty()) {
      asOne(bucket, operation.apply(gloo));
    }
  }

  private void asOne(List<Tensor> tensors, Function<TensorVector, Work> operation) {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      Tensor flat = Tensor.cat(tensors.stream().map(t -> t.reshape(-1)).toList(), 0);
      Tensor sent = flat.to(Device.CPU);
      await(sent, operation);
      Tensor sums = sent.to(flat.device()); // a card gets them at once
      long from = 0;
      for (Tensor tensor : tensors) {
        tensor.copy_(sums.narrow(0, from, tensor.numel()).reshape(tensor.shape()));
        from += tensor.numel();
      }
    }
  }

  private void await(Tensor tensor, Function<TensorVector, Work> operation) {
    try {
      Engine.call(
          () -> {
            try (TensorVector vector = new TensorVector(tensor.handle());
                Work work = operation.apply(vector)) {
              return work._wait();
            }
          });
    } catch (SfumatoException e) {
      throw heartbeat.explain(e);
    }
  }

  /**
   * Leaves the group at once. After work that went well, call {@link #barrier} first, so that the
   * others do not report this process as lost.
   */
  @Override
  public void close() {
    if (heartbeat != null) {
      heartbeat.close();
    }
    if (gloo != null) {
      gloo.close();
    }
    if (store != null) {
      store.close();
    }
  }
}
