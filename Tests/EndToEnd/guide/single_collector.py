from arobust.agent.data_collector import LogCollector
from your_master_client import MasterClient

# 创建 Master Client
master_client = MasterClient(master_addr="localhost:50051")

# 创建 Collector
log_collector = LogCollector(log_file_path="/path/to/training.log")

# 设置 Master Client
log_collector.set_client(master_client)

# 使用 collector
if log_collector.is_enabled():
    data = log_collector.collect_data()
    if data:
        log_collector.store_data(data)  # 会自动上报到 Master
