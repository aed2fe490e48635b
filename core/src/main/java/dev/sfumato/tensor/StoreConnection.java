package dev.sfumato.tensor;

import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.PrefixStore;
import org.bytedeco.pytorch.Store;
import org.bytedeco.pytorch.TCPStore;
import org.bytedeco.pytorch.TCPStoreOptions;

/** A connection to the store through which processes find each other. */
final class StoreConnection implements AutoCloseable {
  private static final int TRY_AGAIN = 200; // milliseconds

  private final TCPStore server;
  private final PrefixStore keys; // does not keep this object alive

  /**
   * Connects to the store.
   *
   * @param host whether this process also hosts the store
   * @param time the longest wait for the store
   */
  StoreConnection(Rendezvous place, boolean host, Duration time) {
    if (!host) {
      await(place, time);
    }
    try (Milliseconds timeout = new Milliseconds(time.toMillis());
        TCPStoreOptions options = new TCPStoreOptions()) {
      options.port((short) place.port()); // unsigned in the engine
      options.isServer(host).waitWorkers(false).timeout(timeout);
      server = new TCPStore(place.address(), options);
    }
    keys = new PrefixStore("sfumato/" + place.attempt(), server);
  }

  /** Waits for the store; the engine's own wait is longer than asked and prints messages. */
  private static void await(Rendezvous place, Duration time) {
    long end = System.nanoTime() + time.toNanos();
    while (true) {
      try (Socket socket = new Socket()) {
        socket.connect(new InetSocketAddress(place.address(), place.port()), (int) time.toMillis());
        return;
      } catch (IOException e) {
        if (System.nanoTime() > end) {
          throw new SfumatoException("no program answers there: " + e.getMessage(), e);
        }
      }
      try {
        Thread.sleep(TRY_AGAIN);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new SfumatoException("interrupted", e);
      }
    }
  }

  /** Returns the entries of this run. */
  Store keys() {
    return keys;
  }

  @Override
  public void close() {
    keys.close();
    server.close();
  }
}
